// Looks again for the first posts of a topic that has none yet.
"use strict";

setTimeout(() => location.reload(), 10000);
