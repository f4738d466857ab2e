CREATE TABLE public.accesses (
    day date NOT NULL,
    actor character varying NOT NULL,
    what character varying NOT NULL,
    topic character varying NOT NULL,
    times integer NOT NULL
);
CREATE TABLE public.aggregates (
    topic character varying NOT NULL,
    day date NOT NULL,
    platform character varying NOT NULL,
    cohort character varying NOT NULL,
    language character varying NOT NULL,
    head character varying NOT NULL,
    target character varying NOT NULL,
    version character varying NOT NULL,
    posts integer NOT NULL,
    reposts integer NOT NULL,
    authors integer NOT NULL,
    authors_sketch bytea NOT NULL,
    label_counts json NOT NULL,
    soft_sums json NOT NULL,
    units json DEFAULT '{}'::json NOT NULL
);
CREATE TABLE public.alembic_version (
    version_num character varying(32) NOT NULL
);
CREATE TABLE public.alert_rules (
    topic character varying NOT NULL,
    name character varying NOT NULL,
    kind character varying NOT NULL,
    settings json NOT NULL,
    enabled boolean NOT NULL,
    changed_by character varying NOT NULL,
    changed_at timestamp with time zone NOT NULL
);
CREATE TABLE public.api_tokens (
    id integer NOT NULL,
    digest character varying NOT NULL,
    label character varying NOT NULL,
    role character varying NOT NULL,
    created_at timestamp with time zone NOT NULL,
    used_at timestamp with time zone,
    revoked_at timestamp with time zone
);
CREATE SEQUENCE public.api_tokens_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.api_tokens_id_seq OWNED BY public.api_tokens.id;
CREATE TABLE public.audit_log (
    id integer NOT NULL,
    logged_at timestamp with time zone NOT NULL,
    actor character varying NOT NULL,
    action character varying NOT NULL,
    details json NOT NULL
);
CREATE SEQUENCE public.audit_log_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.audit_log_id_seq OWNED BY public.audit_log.id;
CREATE TABLE public.checkpoints (
    topic character varying NOT NULL,
    source character varying NOT NULL,
    state json NOT NULL,
    saved_at timestamp with time zone NOT NULL
);
CREATE TABLE public.chosen_posts (
    post_id integer NOT NULL,
    topic character varying NOT NULL,
    place integer NOT NULL,
    reason character varying NOT NULL,
    version character varying NOT NULL,
    chosen_at timestamp with time zone NOT NULL
);
CREATE TABLE public.coverage (
    topic character varying NOT NULL,
    source character varying NOT NULL,
    start_at timestamp with time zone NOT NULL,
    end_at timestamp with time zone NOT NULL,
    status character varying NOT NULL,
    reason character varying NOT NULL,
    backfilled boolean DEFAULT false NOT NULL
);
CREATE TABLE public.days (
    topic character varying NOT NULL,
    day date NOT NULL,
    revision integer NOT NULL,
    aggregated integer NOT NULL
);
CREATE TABLE public.incidents (
    id integer NOT NULL,
    topic character varying NOT NULL,
    rule character varying NOT NULL,
    kind character varying NOT NULL,
    started_at timestamp with time zone NOT NULL,
    ended_at timestamp with time zone,
    message text NOT NULL,
    end_message text NOT NULL,
    told_start boolean NOT NULL,
    told_end boolean NOT NULL,
    attempts integer NOT NULL,
    next_attempt_at timestamp with time zone
);
CREATE SEQUENCE public.incidents_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.incidents_id_seq OWNED BY public.incidents.id;
CREATE TABLE public.job_runs (
    id integer NOT NULL,
    job character varying NOT NULL,
    topic character varying NOT NULL,
    started_at timestamp with time zone NOT NULL,
    finished_at timestamp with time zone,
    status character varying NOT NULL,
    counts json NOT NULL,
    error character varying NOT NULL
);
CREATE SEQUENCE public.job_runs_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.job_runs_id_seq OWNED BY public.job_runs.id;
CREATE TABLE public.label_marks (
    post_id integer NOT NULL,
    head character varying NOT NULL,
    target character varying NOT NULL,
    annotator character varying NOT NULL,
    mark character varying NOT NULL,
    marked_at timestamp with time zone NOT NULL
);
CREATE TABLE public.labels (
    post_id integer NOT NULL,
    head character varying NOT NULL,
    target character varying NOT NULL,
    annotator character varying NOT NULL,
    label character varying NOT NULL,
    sample character varying NOT NULL,
    labelled_at timestamp with time zone NOT NULL,
    decides boolean DEFAULT false NOT NULL
);
CREATE TABLE public.leases (
    name character varying NOT NULL,
    holder character varying NOT NULL,
    expires_at timestamp with time zone NOT NULL
);
CREATE TABLE public.model_versions (
    topic character varying NOT NULL,
    version character varying NOT NULL,
    stage character varying NOT NULL,
    metrics json NOT NULL,
    recorded_at timestamp with time zone NOT NULL
);
CREATE TABLE public.posts (
    id integer NOT NULL,
    topic character varying NOT NULL,
    source character varying NOT NULL,
    platform character varying NOT NULL,
    native_id character varying NOT NULL,
    created_at timestamp with time zone NOT NULL,
    day date NOT NULL,
    text text NOT NULL,
    text_digest character varying NOT NULL,
    language character varying NOT NULL,
    cohort character varying NOT NULL,
    kind character varying NOT NULL,
    reference character varying,
    author character varying,
    revision bigint NOT NULL,
    withheld_in character varying NOT NULL,
    stored_at timestamp with time zone NOT NULL,
    purged_at timestamp with time zone
);
CREATE SEQUENCE public.posts_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.posts_id_seq OWNED BY public.posts.id;
CREATE TABLE public.predictions (
    post_id integer NOT NULL,
    version character varying NOT NULL,
    head character varying NOT NULL,
    target character varying NOT NULL,
    label character varying NOT NULL,
    scores character varying NOT NULL
);
CREATE TABLE public.privacy_budgets (
    topic character varying NOT NULL,
    day date NOT NULL,
    spent bigint NOT NULL
);
CREATE TABLE public.reads (
    source character varying NOT NULL,
    month date NOT NULL,
    posts bigint NOT NULL
);
CREATE TABLE public.rejections (
    topic character varying NOT NULL,
    source character varying NOT NULL,
    place character varying NOT NULL,
    reason character varying NOT NULL,
    detail character varying NOT NULL,
    rejected_at timestamp with time zone NOT NULL
);
CREATE TABLE public.releases (
    topic character varying NOT NULL,
    day date NOT NULL,
    head character varying NOT NULL,
    target character varying NOT NULL,
    version character varying NOT NULL,
    revision integer NOT NULL,
    content bytea NOT NULL
);
CREATE TABLE public.removed_answers (
    id integer NOT NULL,
    topic character varying NOT NULL,
    version character varying NOT NULL,
    head character varying NOT NULL,
    target character varying NOT NULL,
    day date NOT NULL,
    platform character varying NOT NULL,
    cohort character varying NOT NULL,
    language character varying NOT NULL,
    truth character varying NOT NULL,
    predicted character varying NOT NULL,
    scores character varying NOT NULL,
    author character varying
);
CREATE SEQUENCE public.removed_answers_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.removed_answers_id_seq OWNED BY public.removed_answers.id;
CREATE TABLE public.scoring (
    topic character varying NOT NULL,
    version character varying NOT NULL,
    questions json NOT NULL,
    languages json NOT NULL
);
CREATE TABLE public.sealings (
    topic character varying NOT NULL,
    fingerprint character varying NOT NULL,
    sealed_at timestamp with time zone
);
CREATE TABLE public.sessions (
    digest character varying NOT NULL,
    user_name character varying NOT NULL,
    created_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone NOT NULL
);
CREATE TABLE public.shown_versions (
    topic character varying NOT NULL,
    version character varying NOT NULL,
    turn integer NOT NULL
);
CREATE TABLE public.tallies (
    topic character varying NOT NULL,
    source character varying NOT NULL,
    what character varying NOT NULL,
    number bigint NOT NULL
);
CREATE TABLE public.targets (
    topic character varying NOT NULL,
    name character varying NOT NULL,
    text character varying NOT NULL
);
CREATE TABLE public.tasks (
    id integer NOT NULL,
    kind character varying NOT NULL,
    topic character varying NOT NULL,
    arguments json NOT NULL,
    requested_by character varying NOT NULL,
    requested_at timestamp with time zone NOT NULL,
    started_at timestamp with time zone,
    seen_at timestamp with time zone,
    finished_at timestamp with time zone,
    status character varying NOT NULL,
    stage character varying NOT NULL,
    part double precision NOT NULL,
    stop_requested boolean NOT NULL,
    outcome text NOT NULL,
    attempts integer DEFAULT 0 NOT NULL
);
CREATE SEQUENCE public.tasks_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.tasks_id_seq OWNED BY public.tasks.id;
CREATE TABLE public.tombstones (
    topic character varying NOT NULL,
    digest character varying NOT NULL,
    reason character varying NOT NULL,
    removed_at timestamp with time zone NOT NULL,
    kept_until timestamp with time zone
);
CREATE TABLE public.training_posts (
    topic character varying NOT NULL,
    version character varying NOT NULL,
    digest character varying NOT NULL
);
CREATE TABLE public.unscored (
    post_id integer NOT NULL,
    topic character varying NOT NULL,
    created_at timestamp with time zone NOT NULL,
    native_id character varying NOT NULL,
    claimed_by character varying,
    claimed_until timestamp with time zone
);
CREATE TABLE public.users (
    name character varying NOT NULL,
    role character varying NOT NULL,
    password_hash character varying NOT NULL,
    created_at timestamp with time zone NOT NULL
);
ALTER TABLE ONLY public.api_tokens ALTER COLUMN id SET DEFAULT nextval('public.api_tokens_id_seq'::regclass);
ALTER TABLE ONLY public.audit_log ALTER COLUMN id SET DEFAULT nextval('public.audit_log_id_seq'::regclass);
ALTER TABLE ONLY public.incidents ALTER COLUMN id SET DEFAULT nextval('public.incidents_id_seq'::regclass);
ALTER TABLE ONLY public.job_runs ALTER COLUMN id SET DEFAULT nextval('public.job_runs_id_seq'::regclass);
ALTER TABLE ONLY public.posts ALTER COLUMN id SET DEFAULT nextval('public.posts_id_seq'::regclass);
ALTER TABLE ONLY public.removed_answers ALTER COLUMN id SET DEFAULT nextval('public.removed_answers_id_seq'::regclass);
ALTER TABLE ONLY public.tasks ALTER COLUMN id SET DEFAULT nextval('public.tasks_id_seq'::regclass);
INSERT INTO public.accesses VALUES ('2020-06-02', 'somebody', 'export aggregates', 'walkout', 1);
INSERT INTO public.aggregates VALUES ('walkout', '2020-06-01', 'x', 'public', 'en', 'stance', 'walkout', 'v1', 3, 0, 2, '\x00ff736b65746368', '{"favor": 2, "none": 1}', '{"favor": 15000, "none": 15000}', '{}');
INSERT INTO public.alembic_version VALUES ('0011');
INSERT INTO public.alert_rules VALUES ('walkout', 'support', 'share', '{"label": "favor", "above": 0.6}', true, 'ada', '2020-06-02 10:00:00+00');
INSERT INTO public.tallies VALUES ('walkout', 'file', 'posts', 3);
INSERT INTO public.tallies VALUES ('walkout', 'file', 'rejected:bad_json', 1);
INSERT INTO public.api_tokens VALUES (1, 'd2', 'grafana', 'viewer', '2020-06-02 10:00:00+00', NULL, NULL);
INSERT INTO public.audit_log VALUES (1, '2020-06-01 12:00:00+00', 'ann', 'forget', '{"posts": 1}');
INSERT INTO public.checkpoints VALUES ('walkout', 'file', '{"at": "somewhere"}', '2020-06-01 12:00:00+00');
INSERT INTO public.chosen_posts VALUES (1, 'walkout', 0, 'uncertain', 'v1', '2020-06-03 00:00:00+00');
INSERT INTO public.coverage VALUES ('walkout', 'file', '2020-06-01 12:00:00+00', '2020-06-01 13:00:00+00', 'partial', '2 rejected', false);
INSERT INTO public.days VALUES ('walkout', '2020-06-01', 2, 2);
INSERT INTO public.incidents VALUES (1, 'walkout', 'silence', 'source', '2020-06-02 10:00:00+00', NULL, 'a source is silent', '', true, false, 1, NULL);
INSERT INTO public.job_runs VALUES (1, 'collect:file:walkout', 'walkout', '2020-06-01 12:00:00+00', '2020-06-01 12:00:00+00', 'ok', '{"stored": 3}', '');
INSERT INTO public.label_marks VALUES (1, 'stance', 'walkout', 'b2', 'unsure', '2020-06-02 10:00:00+00');
INSERT INTO public.labels VALUES (1, 'stance', 'walkout', 'ann', 'favor', 'random', '2020-06-01 12:00:00+00', false);
INSERT INTO public.leases VALUES ('daemon', 'holder', '2020-06-01 12:00:15+00');
INSERT INTO public.model_versions VALUES ('walkout', 'v1', 'champion', '{"f1": 0.5}', '2020-06-01 12:00:00+00');
INSERT INTO public.posts VALUES (1, 'walkout', 'file', 'x', '1', '2020-06-01 12:00:00+00', '2020-06-01', 'an invented text – 🪧', '30e226eeae3317fed6b53ba9fb443c02', 'en', 'public', 'original', NULL, 'author-of-1', 0, '', '2020-06-01 12:00:00+00', NULL);
INSERT INTO public.posts VALUES (2, 'walkout', 'file', 'x', '2', '2020-06-01 12:00:00+00', '2020-06-01', 'an invented text, number 2', '2a6005e7b2d3e280ed8a7a8713b749f4', 'en', 'public', 'repost', '1', 'author-of-2', 0, '', '2020-06-01 12:00:00+00', NULL);
INSERT INTO public.posts VALUES (3, 'walkout', 'file', 'x', '3', '2020-06-01 12:00:00+00', '2020-06-01', 'an invented text, number 3', '980298d38cc5983141ba8b55a7dd8af5', 'de', 'public', 'original', NULL, NULL, 0, '', '2020-06-01 12:00:00+00', NULL);
INSERT INTO public.predictions VALUES (1, 'v1', 'sentiment', '', 'none', '1000,2000,7000');
INSERT INTO public.predictions VALUES (1, 'v1', 'stance', 'walkout', 'none', '1000,2000,7000');
INSERT INTO public.predictions VALUES (2, 'v1', 'sentiment', '', 'none', '1000,2000,7000');
INSERT INTO public.predictions VALUES (2, 'v1', 'stance', 'walkout', 'none', '1000,2000,7000');
INSERT INTO public.privacy_budgets VALUES ('walkout', '2020-06-02', 500000);
INSERT INTO public.reads VALUES ('x', '2020-06-01', 1200);
INSERT INTO public.rejections VALUES ('walkout', 'file', 'f:3', 'bad_json', 'not JSON', '2020-06-01 12:00:00+00');
INSERT INTO public.releases VALUES ('walkout', '2020-06-01', 'volume', '', '', 1, '\x789c45505b4bc33014fe2fe77519e6c2d65af0a17841877b109c08258cb4cbda62968c2699d3d2ffeee9363584f05d9273ce971e0ead0daad61eb2a2071520034e399dd2f994f2574ab3d39e9c4e20e01bf769f16a01ca18e4ffa794044ae5f5a9cedea8b075dd0eab1dd1af5ce3bab1f43e96a6ad5031cad611dba2a62df246ab0de2833371a79107d5d57a7c81f8a03bdf3a7b267be703ceca0974fa82290e10037638eb17bcf61f3a540d643d945f61cc0779bdbccbf35c7d2f96b7f9ef7a7abb7a79568be364451fd2fbcdcaad1ef3777f03c33864a9cdba72d18e6d7a54bcdb86b58fbb0b8db63d3b831c30be0a6e740afc9d31f55f584c280925361a430a9132364f389d896bce18a74c0892a673211274682ad82c113c61926c95f15acae107bc0b7faf');
INSERT INTO public.removed_answers VALUES (1, 'walkout', 'v1', 'stance', 'walkout', '2020-06-01', 'x', 'public', 'en', 'against', 'none', '1000,2000,7000', '5f2b7c1d9e8a4f60b3c2d1e0f9a8b7c6');
INSERT INTO public.scoring VALUES ('walkout', 'v1', '[["sentiment", ""]]', '["en"]');
INSERT INTO public.sealings VALUES ('walkout', '5a65616c', '2020-06-02 10:00:00+00');
INSERT INTO public.sessions VALUES ('d1', 'ada', '2020-06-02 10:00:00+00', '2020-06-02 22:00:00+00');
INSERT INTO public.shown_versions VALUES ('walkout', 'v1', 1);
INSERT INTO public.targets VALUES ('walkout', 'walkout', 'the walkout');
INSERT INTO public.tasks VALUES (1, 'retrain', 'walkout', '{}', 'ada', '2020-06-02 10:00:00+00', NULL, NULL, NULL, 'queued', '', 0, false, '', 0);
INSERT INTO public.tombstones VALUES ('walkout', 'beb8849903a19de4bf0a5a07660a24c5', 'deleted', '2020-06-01 12:00:00+00', NULL);
INSERT INTO public.tombstones VALUES ('walkout', 'd4182a67026f834274fbb8222f5cbe59', 'deleted', '2020-06-01 12:00:00+00', '2020-06-03 12:00:00+00');
INSERT INTO public.training_posts VALUES ('walkout', 'v1', '8613984157f28ff14bc5cf6dd23042dc');
INSERT INTO public.unscored VALUES (3, 'walkout', '2020-06-01 12:00:00+00', '3', 'host/1/0.00/ab', '2020-06-01 12:10:00+00');
INSERT INTO public.users VALUES ('ada', 'admin', '$argon2id$v=19$m=65536,t=3,p=4$c2FsdHNhbHQ$aGFzaA', '2020-06-02 10:00:00+00');
SELECT pg_catalog.setval('public.api_tokens_id_seq', 1, true);
SELECT pg_catalog.setval('public.audit_log_id_seq', 1, true);
SELECT pg_catalog.setval('public.incidents_id_seq', 1, true);
SELECT pg_catalog.setval('public.job_runs_id_seq', 1, true);
SELECT pg_catalog.setval('public.posts_id_seq', 3, true);
SELECT pg_catalog.setval('public.removed_answers_id_seq', 1, true);
SELECT pg_catalog.setval('public.tasks_id_seq', 1, true);
ALTER TABLE ONLY public.alembic_version
    ADD CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num);
ALTER TABLE ONLY public.accesses
    ADD CONSTRAINT pk_accesses PRIMARY KEY (day, actor, what, topic);
ALTER TABLE ONLY public.aggregates
    ADD CONSTRAINT pk_aggregates PRIMARY KEY (topic, day, platform, cohort, language, head, target, version);
ALTER TABLE ONLY public.api_tokens
    ADD CONSTRAINT pk_api_tokens PRIMARY KEY (id);
ALTER TABLE ONLY public.audit_log
    ADD CONSTRAINT pk_audit_log PRIMARY KEY (id);
ALTER TABLE ONLY public.checkpoints
    ADD CONSTRAINT pk_checkpoints PRIMARY KEY (topic, source);
ALTER TABLE ONLY public.chosen_posts
    ADD CONSTRAINT pk_chosen_posts PRIMARY KEY (post_id);
ALTER TABLE ONLY public.coverage
    ADD CONSTRAINT pk_coverage PRIMARY KEY (topic, source, start_at, end_at);
ALTER TABLE ONLY public.days
    ADD CONSTRAINT pk_days PRIMARY KEY (topic, day);
ALTER TABLE ONLY public.incidents
    ADD CONSTRAINT pk_incidents PRIMARY KEY (id);
ALTER TABLE ONLY public.job_runs
    ADD CONSTRAINT pk_job_runs PRIMARY KEY (id);
ALTER TABLE ONLY public.label_marks
    ADD CONSTRAINT pk_label_marks PRIMARY KEY (post_id, head, target, annotator);
ALTER TABLE ONLY public.labels
    ADD CONSTRAINT pk_labels PRIMARY KEY (post_id, head, target, annotator);
ALTER TABLE ONLY public.leases
    ADD CONSTRAINT pk_leases PRIMARY KEY (name);
ALTER TABLE ONLY public.model_versions
    ADD CONSTRAINT pk_model_versions PRIMARY KEY (topic, version);
ALTER TABLE ONLY public.posts
    ADD CONSTRAINT pk_posts PRIMARY KEY (id);
ALTER TABLE ONLY public.predictions
    ADD CONSTRAINT pk_predictions PRIMARY KEY (post_id, version, head, target);
ALTER TABLE ONLY public.privacy_budgets
    ADD CONSTRAINT pk_privacy_budgets PRIMARY KEY (topic, day);
ALTER TABLE ONLY public.reads
    ADD CONSTRAINT pk_reads PRIMARY KEY (source, month);
ALTER TABLE ONLY public.rejections
    ADD CONSTRAINT pk_rejections PRIMARY KEY (topic, source, place);
ALTER TABLE ONLY public.releases
    ADD CONSTRAINT pk_releases PRIMARY KEY (topic, day, head, target, version);
ALTER TABLE ONLY public.removed_answers
    ADD CONSTRAINT pk_removed_answers PRIMARY KEY (id);
ALTER TABLE ONLY public.scoring
    ADD CONSTRAINT pk_scoring PRIMARY KEY (topic);
ALTER TABLE ONLY public.sealings
    ADD CONSTRAINT pk_sealings PRIMARY KEY (topic);
ALTER TABLE ONLY public.sessions
    ADD CONSTRAINT pk_sessions PRIMARY KEY (digest);
ALTER TABLE ONLY public.shown_versions
    ADD CONSTRAINT pk_shown_versions PRIMARY KEY (topic, version);
ALTER TABLE ONLY public.alert_rules
    ADD CONSTRAINT pk_alert_rules PRIMARY KEY (topic, name);
ALTER TABLE ONLY public.tallies
    ADD CONSTRAINT pk_tallies PRIMARY KEY (topic, source, what);
ALTER TABLE ONLY public.targets
    ADD CONSTRAINT pk_targets PRIMARY KEY (topic, name);
ALTER TABLE ONLY public.tasks
    ADD CONSTRAINT pk_tasks PRIMARY KEY (id);
ALTER TABLE ONLY public.tombstones
    ADD CONSTRAINT pk_tombstones PRIMARY KEY (topic, digest);
ALTER TABLE ONLY public.training_posts
    ADD CONSTRAINT pk_training_posts PRIMARY KEY (topic, version, digest);
ALTER TABLE ONLY public.unscored
    ADD CONSTRAINT pk_unscored PRIMARY KEY (post_id);
ALTER TABLE ONLY public.users
    ADD CONSTRAINT pk_users PRIMARY KEY (name);
ALTER TABLE ONLY public.api_tokens
    ADD CONSTRAINT uq_api_tokens_digest UNIQUE (digest);
CREATE INDEX ix_chosen_posts_topic ON public.chosen_posts USING btree (topic);
CREATE INDEX ix_incidents_rule ON public.incidents USING btree (topic, rule, id);
CREATE INDEX ix_job_runs_job ON public.job_runs USING btree (job, id);
CREATE INDEX ix_posts_author ON public.posts USING btree (topic, platform, author) WHERE (author IS NOT NULL);
CREATE INDEX ix_posts_created ON public.posts USING btree (topic, created_at);
CREATE INDEX ix_posts_day ON public.posts USING btree (topic, day);
CREATE INDEX ix_posts_digest ON public.posts USING btree (topic, text_digest);
CREATE INDEX ix_posts_repost ON public.posts USING btree (topic, platform, reference) WHERE ((kind)::text = 'repost'::text);
CREATE INDEX ix_posts_source ON public.posts USING btree (topic, source, created_at);
CREATE INDEX ix_removed_answers_topic ON public.removed_answers USING btree (topic, version);
CREATE INDEX ix_sessions_user_name ON public.sessions USING btree (user_name);
CREATE INDEX ix_tasks_status ON public.tasks USING btree (status, id);
CREATE INDEX ix_tombstones_kept_until ON public.tombstones USING btree (kept_until) WHERE (kept_until IS NOT NULL);
CREATE INDEX ix_unscored_claimed ON public.unscored USING btree (topic, claimed_by) WHERE (claimed_by IS NOT NULL);
CREATE INDEX ix_unscored_created ON public.unscored USING btree (topic, created_at);
CREATE UNIQUE INDEX uq_posts_native ON public.posts USING btree (topic, platform, native_id);
ALTER TABLE ONLY public.chosen_posts
    ADD CONSTRAINT fk_chosen_posts_post_id FOREIGN KEY (post_id) REFERENCES public.posts(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.label_marks
    ADD CONSTRAINT fk_label_marks_post_id FOREIGN KEY (post_id) REFERENCES public.posts(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.labels
    ADD CONSTRAINT fk_labels_post_id FOREIGN KEY (post_id) REFERENCES public.posts(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.predictions
    ADD CONSTRAINT fk_predictions_post_id FOREIGN KEY (post_id) REFERENCES public.posts(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.sessions
    ADD CONSTRAINT fk_sessions_user_name FOREIGN KEY (user_name) REFERENCES public.users(name) ON DELETE CASCADE;
ALTER TABLE ONLY public.unscored
    ADD CONSTRAINT fk_unscored_post_id FOREIGN KEY (post_id) REFERENCES public.posts(id) ON DELETE CASCADE;
