BEGIN TRANSACTION;
CREATE TABLE accesses (
	day DATE NOT NULL, 
	actor VARCHAR NOT NULL, 
	what VARCHAR NOT NULL, 
	topic VARCHAR NOT NULL, 
	times INTEGER NOT NULL, 
	CONSTRAINT pk_accesses PRIMARY KEY (day, actor, what, topic)
);
INSERT INTO "accesses" VALUES('2020-06-02','somebody','export aggregates','walkout',1);
CREATE TABLE aggregates (
	topic VARCHAR NOT NULL, 
	day DATE NOT NULL, 
	platform VARCHAR NOT NULL, 
	cohort VARCHAR NOT NULL, 
	language VARCHAR NOT NULL, 
	head VARCHAR NOT NULL, 
	target VARCHAR NOT NULL, 
	version VARCHAR NOT NULL, 
	posts INTEGER NOT NULL, 
	reposts INTEGER NOT NULL, 
	authors INTEGER NOT NULL, 
	authors_sketch BLOB NOT NULL, 
	label_counts JSON NOT NULL, 
	soft_sums JSON NOT NULL, units JSON DEFAULT '{}' NOT NULL, 
	CONSTRAINT pk_aggregates PRIMARY KEY (topic, day, platform, cohort, language, head, target, version)
);
INSERT INTO "aggregates" VALUES('walkout','2020-06-01','x','public','en','stance','walkout','v1',3,0,2,X'00FF736B65746368','{"favor": 2, "none": 1}','{"favor": 15000, "none": 15000}','{}');
CREATE TABLE alert_rules (
	topic VARCHAR NOT NULL, 
	name VARCHAR NOT NULL, 
	kind VARCHAR NOT NULL, 
	settings JSON NOT NULL, 
	enabled BOOLEAN NOT NULL, 
	changed_by VARCHAR NOT NULL, 
	changed_at DATETIME NOT NULL, 
	CONSTRAINT pk_alert_rules PRIMARY KEY (topic, name)
);
INSERT INTO "alert_rules" VALUES('walkout','support','share','{"label": "favor", "above": 0.6}',1,'ada','2020-06-02 10:00:00.000000');
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0011');
CREATE TABLE api_tokens (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	digest VARCHAR NOT NULL, 
	label VARCHAR NOT NULL, 
	role VARCHAR NOT NULL, 
	created_at DATETIME NOT NULL, 
	used_at DATETIME, 
	revoked_at DATETIME, 
	CONSTRAINT uq_api_tokens_digest UNIQUE (digest)
);
INSERT INTO "api_tokens" VALUES(1,'d2','grafana','viewer','2020-06-02 10:00:00.000000',NULL,NULL);
CREATE TABLE audit_log (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	logged_at DATETIME NOT NULL, 
	actor VARCHAR NOT NULL, 
	action VARCHAR NOT NULL, 
	details JSON NOT NULL
);
INSERT INTO "audit_log" VALUES(1,'2020-06-01 12:00:00.000000','ann','forget','{"posts": 1}');
CREATE TABLE checkpoints (
	topic VARCHAR NOT NULL, 
	source VARCHAR NOT NULL, 
	state JSON NOT NULL, 
	saved_at DATETIME NOT NULL, 
	CONSTRAINT pk_checkpoints PRIMARY KEY (topic, source)
);
INSERT INTO "checkpoints" VALUES('walkout','file','{"at": "somewhere"}','2020-06-01 12:00:00.000000');
CREATE TABLE chosen_posts (
	post_id INTEGER NOT NULL, 
	topic VARCHAR NOT NULL, 
	place INTEGER NOT NULL, 
	reason VARCHAR NOT NULL, 
	version VARCHAR NOT NULL, 
	chosen_at DATETIME NOT NULL, 
	CONSTRAINT pk_chosen_posts PRIMARY KEY (post_id), 
	CONSTRAINT fk_chosen_posts_post_id FOREIGN KEY(post_id) REFERENCES posts (id) ON DELETE CASCADE
);
INSERT INTO "chosen_posts" VALUES(1,'walkout',0,'uncertain','v1','2020-06-03 00:00:00');
CREATE TABLE coverage (
	topic VARCHAR NOT NULL, 
	source VARCHAR NOT NULL, 
	start_at DATETIME NOT NULL, 
	end_at DATETIME NOT NULL, 
	status VARCHAR NOT NULL, 
	reason VARCHAR NOT NULL, backfilled BOOLEAN DEFAULT 0 NOT NULL, 
	CONSTRAINT pk_coverage PRIMARY KEY (topic, source, start_at, end_at)
);
INSERT INTO "coverage" VALUES('walkout','file','2020-06-01 12:00:00.000000','2020-06-01 13:00:00.000000','partial','2 rejected',0);
CREATE TABLE days (
	topic VARCHAR NOT NULL, 
	day DATE NOT NULL, 
	revision INTEGER NOT NULL, 
	aggregated INTEGER NOT NULL, 
	CONSTRAINT pk_days PRIMARY KEY (topic, day)
);
INSERT INTO "days" VALUES('walkout','2020-06-01',2,2);
CREATE TABLE incidents (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	topic VARCHAR NOT NULL, 
	rule VARCHAR NOT NULL, 
	kind VARCHAR NOT NULL, 
	started_at DATETIME NOT NULL, 
	ended_at DATETIME, 
	message TEXT NOT NULL, 
	end_message TEXT NOT NULL, 
	told_start BOOLEAN NOT NULL, 
	told_end BOOLEAN NOT NULL, 
	attempts INTEGER NOT NULL, 
	next_attempt_at DATETIME
);
INSERT INTO "incidents" VALUES(1,'walkout','silence','source','2020-06-02 10:00:00.000000',NULL,'a source is silent','',1,0,1,NULL);
CREATE TABLE job_runs (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	job VARCHAR NOT NULL, 
	topic VARCHAR NOT NULL, 
	started_at DATETIME NOT NULL, 
	finished_at DATETIME, 
	status VARCHAR NOT NULL, 
	counts JSON NOT NULL, 
	error VARCHAR NOT NULL
);
INSERT INTO "job_runs" VALUES(1,'collect:file:walkout','walkout','2020-06-01 12:00:00.000000','2020-06-01 12:00:00.000000','ok','{"stored": 3}','');
CREATE TABLE label_marks (
	post_id INTEGER NOT NULL, 
	head VARCHAR NOT NULL, 
	target VARCHAR NOT NULL, 
	annotator VARCHAR NOT NULL, 
	mark VARCHAR NOT NULL, 
	marked_at DATETIME NOT NULL, 
	CONSTRAINT pk_label_marks PRIMARY KEY (post_id, head, target, annotator), 
	CONSTRAINT fk_label_marks_post_id FOREIGN KEY(post_id) REFERENCES posts (id) ON DELETE CASCADE
);
INSERT INTO "label_marks" VALUES(1,'stance','walkout','b2','unsure','2020-06-02 10:00:00.000000');
CREATE TABLE labels (
	post_id INTEGER NOT NULL, 
	head VARCHAR NOT NULL, 
	target VARCHAR NOT NULL, 
	annotator VARCHAR NOT NULL, 
	label VARCHAR NOT NULL, 
	sample VARCHAR NOT NULL, 
	labelled_at DATETIME NOT NULL, decides BOOLEAN DEFAULT 0 NOT NULL, 
	CONSTRAINT pk_labels PRIMARY KEY (post_id, head, target, annotator), 
	CONSTRAINT fk_labels_post_id FOREIGN KEY(post_id) REFERENCES posts (id) ON DELETE CASCADE
);
INSERT INTO "labels" VALUES(1,'stance','walkout','ann','favor','random','2020-06-01 12:00:00.000000',0);
CREATE TABLE leases (
	name VARCHAR NOT NULL, 
	holder VARCHAR NOT NULL, 
	expires_at DATETIME NOT NULL, 
	CONSTRAINT pk_leases PRIMARY KEY (name)
);
INSERT INTO "leases" VALUES('daemon','holder','2020-06-01 12:00:15.000000');
CREATE TABLE model_versions (
	topic VARCHAR NOT NULL, 
	version VARCHAR NOT NULL, 
	stage VARCHAR NOT NULL, 
	metrics JSON NOT NULL, 
	recorded_at DATETIME NOT NULL, 
	CONSTRAINT pk_model_versions PRIMARY KEY (topic, version)
);
INSERT INTO "model_versions" VALUES('walkout','v1','champion','{"f1": 0.5}','2020-06-01 12:00:00.000000');
CREATE TABLE posts (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	topic VARCHAR NOT NULL, 
	source VARCHAR NOT NULL, 
	platform VARCHAR NOT NULL, 
	native_id VARCHAR NOT NULL, 
	created_at DATETIME NOT NULL, 
	day DATE NOT NULL, 
	text TEXT NOT NULL, 
	text_digest VARCHAR NOT NULL, 
	language VARCHAR NOT NULL, 
	cohort VARCHAR NOT NULL, 
	kind VARCHAR NOT NULL, 
	reference VARCHAR, 
	author VARCHAR, 
	revision BIGINT NOT NULL, 
	withheld_in VARCHAR NOT NULL, 
	stored_at DATETIME NOT NULL, 
	purged_at DATETIME
);
INSERT INTO "posts" VALUES(1,'walkout','file','x','1','2020-06-01 12:00:00.000000','2020-06-01','an invented text – 🪧','30e226eeae3317fed6b53ba9fb443c02','en','public','original',NULL,'author-of-1',0,'','2020-06-01 12:00:00.000000',NULL);
INSERT INTO "posts" VALUES(2,'walkout','file','x','2','2020-06-01 12:00:00.000000','2020-06-01','an invented text, number 2','2a6005e7b2d3e280ed8a7a8713b749f4','en','public','repost','1','author-of-2',0,'','2020-06-01 12:00:00.000000',NULL);
INSERT INTO "posts" VALUES(3,'walkout','file','x','3','2020-06-01 12:00:00.000000','2020-06-01','an invented text, number 3','980298d38cc5983141ba8b55a7dd8af5','de','public','original',NULL,NULL,0,'','2020-06-01 12:00:00.000000',NULL);
CREATE TABLE predictions (
	post_id INTEGER NOT NULL, 
	version VARCHAR NOT NULL, 
	head VARCHAR NOT NULL, 
	target VARCHAR NOT NULL, 
	label VARCHAR NOT NULL, 
	scores VARCHAR NOT NULL, 
	CONSTRAINT pk_predictions PRIMARY KEY (post_id, version, head, target), 
	CONSTRAINT fk_predictions_post_id FOREIGN KEY(post_id) REFERENCES posts (id) ON DELETE CASCADE
)
 WITHOUT ROWID

;
INSERT INTO "predictions" VALUES(1,'v1','sentiment','','none','1000,2000,7000');
INSERT INTO "predictions" VALUES(1,'v1','stance','walkout','none','1000,2000,7000');
INSERT INTO "predictions" VALUES(2,'v1','sentiment','','none','1000,2000,7000');
INSERT INTO "predictions" VALUES(2,'v1','stance','walkout','none','1000,2000,7000');
CREATE TABLE privacy_budgets (
	topic VARCHAR NOT NULL, 
	day DATE NOT NULL, 
	spent BIGINT NOT NULL, 
	CONSTRAINT pk_privacy_budgets PRIMARY KEY (topic, day)
);
INSERT INTO "privacy_budgets" VALUES('walkout','2020-06-02',500000);
CREATE TABLE reads (
	source VARCHAR NOT NULL, 
	month DATE NOT NULL, 
	posts BIGINT NOT NULL, 
	CONSTRAINT pk_reads PRIMARY KEY (source, month)
);
INSERT INTO "reads" VALUES('x','2020-06-01',1200);
CREATE TABLE rejections (
	topic VARCHAR NOT NULL, 
	source VARCHAR NOT NULL, 
	place VARCHAR NOT NULL, 
	reason VARCHAR NOT NULL, 
	detail VARCHAR NOT NULL, 
	rejected_at DATETIME NOT NULL, 
	CONSTRAINT pk_rejections PRIMARY KEY (topic, source, place)
);
INSERT INTO "rejections" VALUES('walkout','file','f:3','bad_json','not JSON','2020-06-01 12:00:00.000000');
CREATE TABLE releases (
	topic VARCHAR NOT NULL, 
	day DATE NOT NULL, 
	head VARCHAR NOT NULL, 
	target VARCHAR NOT NULL, 
	version VARCHAR NOT NULL, 
	revision INTEGER NOT NULL, 
	content BLOB NOT NULL, 
	CONSTRAINT pk_releases PRIMARY KEY (topic, day, head, target, version)
);
INSERT INTO "releases" VALUES('walkout','2020-06-01','volume','','',1,X'789C45505B4BC33014FE2FE77519E6C2D65AF0A17841877B109C08258CB4CBDA62968C2699D3D2FFEEE9363584F05D9273CE971E0EAD0DAAD61EB2A2071520034E399DD2F994F2574AB3D39E9C4E20E01BF769F16A01CA18E4FFA794044AE5F5A9CEDEA8B075DD0EAB1DD1AF5CE3BAB1F43E96A6AD5031CAD611DBA2A62DF246AB0DE2833371A79107D5D57A7C81F8A03BDF3A7B267BE703CECA0974FA82290E10037638EB17BCF61F3A540D643D945F61CC0779BDBCCBF35C7D2F96B7F9EF7A7ABB7A79568BE364451FD2FBCDCAAD1EF3777F03C33864A9CDBA72D18E6D7A54BCDB86B58FBB0B8DB63D3B831C30BE0A6E740AFC9D31F55F584C280925361A430A9132364F389D896BCE18A74C0892A673211274682AD82C113C61926C95F15ACAE107BC0B7FAF');
CREATE TABLE removed_answers (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	topic VARCHAR NOT NULL, 
	version VARCHAR NOT NULL, 
	head VARCHAR NOT NULL, 
	target VARCHAR NOT NULL, 
	day DATE NOT NULL, 
	platform VARCHAR NOT NULL, 
	cohort VARCHAR NOT NULL, 
	language VARCHAR NOT NULL, 
	truth VARCHAR NOT NULL, 
	predicted VARCHAR NOT NULL, 
	scores VARCHAR NOT NULL, 
	author VARCHAR
);
INSERT INTO "removed_answers" VALUES(1,'walkout','v1','stance','walkout','2020-06-01','x','public','en','against','none','1000,2000,7000','5f2b7c1d9e8a4f60b3c2d1e0f9a8b7c6');
CREATE TABLE scoring (
	topic VARCHAR NOT NULL, 
	version VARCHAR NOT NULL, 
	questions JSON NOT NULL, 
	languages JSON NOT NULL, 
	CONSTRAINT pk_scoring PRIMARY KEY (topic)
);
INSERT INTO "scoring" VALUES('walkout','v1','[["sentiment", ""]]','["en"]');
CREATE TABLE sealings (
	topic VARCHAR NOT NULL, 
	fingerprint VARCHAR NOT NULL, 
	sealed_at DATETIME, 
	CONSTRAINT pk_sealings PRIMARY KEY (topic)
);
INSERT INTO "sealings" VALUES('walkout','5a65616c','2020-06-02 10:00:00.000000');
CREATE TABLE sessions (
	digest VARCHAR NOT NULL, 
	user_name VARCHAR NOT NULL, 
	created_at DATETIME NOT NULL, 
	expires_at DATETIME NOT NULL, 
	CONSTRAINT pk_sessions PRIMARY KEY (digest), 
	CONSTRAINT fk_sessions_user_name FOREIGN KEY(user_name) REFERENCES users (name) ON DELETE CASCADE
);
INSERT INTO "sessions" VALUES('d1','ada','2020-06-02 10:00:00.000000','2020-06-02 22:00:00.000000');
CREATE TABLE shown_versions (
	topic VARCHAR NOT NULL, 
	version VARCHAR NOT NULL, 
	turn INTEGER NOT NULL, 
	CONSTRAINT pk_shown_versions PRIMARY KEY (topic, version)
);
INSERT INTO "shown_versions" VALUES('walkout','v1',1);
CREATE TABLE tallies (
	topic VARCHAR NOT NULL, 
	source VARCHAR NOT NULL, 
	what VARCHAR NOT NULL, 
	number BIGINT NOT NULL, 
	CONSTRAINT pk_tallies PRIMARY KEY (topic, source, what)
);
INSERT INTO "tallies" VALUES('walkout','file','posts',3);
INSERT INTO "tallies" VALUES('walkout','file','rejected:bad_json',1);
CREATE TABLE targets (
	topic VARCHAR NOT NULL, 
	name VARCHAR NOT NULL, 
	text VARCHAR NOT NULL, 
	CONSTRAINT pk_targets PRIMARY KEY (topic, name)
);
INSERT INTO "targets" VALUES('walkout','walkout','the walkout');
CREATE TABLE tasks (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	kind VARCHAR NOT NULL, 
	topic VARCHAR NOT NULL, 
	arguments JSON NOT NULL, 
	requested_by VARCHAR NOT NULL, 
	requested_at DATETIME NOT NULL, 
	started_at DATETIME, 
	seen_at DATETIME, 
	finished_at DATETIME, 
	status VARCHAR NOT NULL, 
	stage VARCHAR NOT NULL, 
	part FLOAT NOT NULL, 
	stop_requested BOOLEAN NOT NULL, 
	outcome TEXT NOT NULL
, attempts INTEGER DEFAULT '0' NOT NULL);
INSERT INTO "tasks" VALUES(1,'retrain','walkout','{}','ada','2020-06-02 10:00:00.000000',NULL,NULL,NULL,'queued','',0.0,0,'',0);
CREATE TABLE tombstones (
	topic VARCHAR NOT NULL, 
	digest VARCHAR NOT NULL, 
	reason VARCHAR NOT NULL, 
	removed_at DATETIME NOT NULL, kept_until DATETIME, 
	CONSTRAINT pk_tombstones PRIMARY KEY (topic, digest)
);
INSERT INTO "tombstones" VALUES('walkout','d4182a67026f834274fbb8222f5cbe59','deleted','2020-06-01 12:00:00.000000','2020-06-03 12:00:00.000000');
INSERT INTO "tombstones" VALUES('walkout','beb8849903a19de4bf0a5a07660a24c5','deleted','2020-06-01 12:00:00.000000',NULL);
CREATE TABLE training_posts (
	topic VARCHAR NOT NULL, 
	version VARCHAR NOT NULL, 
	digest VARCHAR NOT NULL, 
	CONSTRAINT pk_training_posts PRIMARY KEY (topic, version, digest)
);
INSERT INTO "training_posts" VALUES('walkout','v1','8613984157f28ff14bc5cf6dd23042dc');
CREATE TABLE unscored (
	post_id INTEGER NOT NULL, 
	topic VARCHAR NOT NULL, 
	created_at DATETIME NOT NULL, 
	native_id VARCHAR NOT NULL, claimed_by VARCHAR, claimed_until DATETIME, 
	CONSTRAINT pk_unscored PRIMARY KEY (post_id), 
	CONSTRAINT fk_unscored_post_id FOREIGN KEY(post_id) REFERENCES posts (id) ON DELETE CASCADE
);
INSERT INTO "unscored" VALUES(3,'walkout','2020-06-01 12:00:00.000000','3','host/1/0.00/ab','2020-06-01 12:10:00.000000');
CREATE TABLE users (
	name VARCHAR NOT NULL, 
	role VARCHAR NOT NULL, 
	password_hash VARCHAR NOT NULL, 
	created_at DATETIME NOT NULL, 
	CONSTRAINT pk_users PRIMARY KEY (name)
);
INSERT INTO "users" VALUES('ada','admin','$argon2id$v=19$m=65536,t=3,p=4$c2FsdHNhbHQ$aGFzaA','2020-06-02 10:00:00.000000');
CREATE INDEX ix_job_runs_job ON job_runs (job, id);
CREATE INDEX ix_posts_author ON posts (topic, platform, author) WHERE author IS NOT NULL;
CREATE INDEX ix_posts_created ON posts (topic, created_at);
CREATE INDEX ix_posts_day ON posts (topic, day);
CREATE INDEX ix_posts_digest ON posts (topic, text_digest);
CREATE INDEX ix_posts_repost ON posts (topic, platform, reference) WHERE kind = 'repost';
CREATE INDEX ix_posts_source ON posts (topic, source, created_at);
CREATE UNIQUE INDEX uq_posts_native ON posts (topic, platform, native_id);
CREATE INDEX ix_unscored_created ON unscored (topic, created_at);
CREATE INDEX ix_unscored_claimed ON unscored (topic, claimed_by) WHERE claimed_by IS NOT NULL;
CREATE INDEX ix_tombstones_kept_until ON tombstones (kept_until) WHERE kept_until IS NOT NULL;
CREATE INDEX ix_sessions_user_name ON sessions (user_name);
CREATE INDEX ix_tasks_status ON tasks (status, id);
CREATE INDEX ix_incidents_rule ON incidents (topic, rule, id);
CREATE INDEX ix_chosen_posts_topic ON chosen_posts (topic);
CREATE INDEX ix_removed_answers_topic ON removed_answers (topic, version);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('posts',3);
INSERT INTO "sqlite_sequence" VALUES('job_runs',1);
INSERT INTO "sqlite_sequence" VALUES('audit_log',1);
INSERT INTO "sqlite_sequence" VALUES('api_tokens',1);
INSERT INTO "sqlite_sequence" VALUES('tasks',1);
INSERT INTO "sqlite_sequence" VALUES('incidents',1);
INSERT INTO "sqlite_sequence" VALUES('removed_answers',1);
COMMIT;
