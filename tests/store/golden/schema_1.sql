BEGIN TRANSACTION;
CREATE TABLE cells (
    key TEXT NOT NULL PRIMARY KEY,
    workload TEXT NOT NULL,
    params TEXT NOT NULL,
    backend TEXT NOT NULL,
    variant TEXT NOT NULL,
    precision TEXT NOT NULL,
    batch BIGINT NOT NULL,
    device TEXT NOT NULL,
    threads BIGINT NOT NULL,
    document TEXT NOT NULL
);
INSERT INTO "cells" VALUES('2d25db9fc33998c32ffb','lstm','{"hidden": 200}','onnxruntime','cpu','fp32',8,'cpu',2,'{"workload": {"source": "lstm", "params": {"hidden": 200}}, "setup": {"backend": "onnxruntime", "variant": "cpu", "precision": "fp32", "batch": 8, "device": "cpu", "threads": 2}, "protocol": {"rounds": 5, "trials": 300, "trial_seconds": 10.0, "min_trials": 30, "warmup": {"min_calls": 10, "min_seconds": null, "window_calls": 100, "window_seconds": 0.5, "window_cap_seconds": 2.0, "tolerance": 0.01, "trend_p": 0.01, "cap_seconds": 60.0}, "boundary": "device", "input_sets": 8, "seed": 0, "tolerance": null, "throughput_windows": 5, "throughput_seconds": 0.2, "timeout_s": 60.0}, "code": "c0de", "software": {"torch": "2.13.0"}, "machine": "ma5c1ne"}');
CREATE TABLE environments (
    digest TEXT NOT NULL PRIMARY KEY,
    facts TEXT NOT NULL
);
INSERT INTO "environments" VALUES('22a48963589a1ee89ed0','{"cpu_model": "Imaginary 9000", "cores": 2}');
CREATE TABLE rounds (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    run TEXT NOT NULL REFERENCES runs (id),
    cell TEXT NOT NULL REFERENCES cells (key),
    environment TEXT NOT NULL REFERENCES environments (digest),
    round BIGINT NOT NULL,
    planned_rounds BIGINT NOT NULL,
    timeout_s DOUBLE PRECISION NOT NULL,
    status TEXT NOT NULL,
    reason TEXT,
    trials BIGINT NOT NULL,
    started_at TEXT NOT NULL,
    document TEXT NOT NULL
);
INSERT INTO "rounds" VALUES(1,'11111111111111111111111111111111','aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa','2d25db9fc33998c32ffb','22a48963589a1ee89ed0',0,5,60.0,'ok',NULL,3,'2026-01-02T03:04:05.678+00:00','{"round": 0, "status": "ok", "trouble": null, "readings": {"host_memory": {"value": 1048576.0, "unit": "B"}, "device_memory": {"why": "a CPU has no memory of its own"}}, "phases": {"build": 0.25}, "notes": [{"kind": "no-steady-state", "text": "it drifts", "severity": "warning", "now": "measure longer"}], "log": "last words", "started_at": "2026-01-02T03:04:05.678+00:00", "id": "11111111111111111111111111111111"}');
INSERT INTO "rounds" VALUES(2,'22222222222222222222222222222222','aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa','2d25db9fc33998c32ffb','22a48963589a1ee89ed0',1,5,60.0,'crashed','died of SIGSEGV',0,'2026-01-02T03:05:05.678+00:00','{"round": 1, "status": "crashed", "trouble": {"what": "died of SIGSEGV", "when": "trial 3", "now": "report it"}, "readings": {}, "phases": {}, "notes": [], "log": "", "started_at": "2026-01-02T03:05:05.678+00:00", "id": "22222222222222222222222222222222"}');
CREATE TABLE runs (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    command TEXT NOT NULL,
    plan TEXT NOT NULL,
    tag TEXT NOT NULL,
    tool_version TEXT NOT NULL,
    started_at TEXT NOT NULL,
    finished_at TEXT,
    status TEXT NOT NULL,
    owner TEXT NOT NULL
);
INSERT INTO "runs" VALUES(1,'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa','stopwatt bench lstm','91an','night','0.1.0','2026-11-20T09:53:48.303+00:00','2026-11-20T09:53:48.413+00:00','partly_failed','');
CREATE TABLE samples (
    measurement TEXT NOT NULL REFERENCES rounds (id),
    metric TEXT NOT NULL,
    unit TEXT NOT NULL,
    dtype TEXT NOT NULL,
    n BIGINT NOT NULL,
    crc32 BIGINT NOT NULL,
    data BLOB NOT NULL,
    PRIMARY KEY (measurement, metric)
);
INSERT INTO "samples" VALUES('11111111111111111111111111111111','latency','ns','int64',3,1093556063,X'789C4B782CC60002076244C1344396049802003561030D');
INSERT INTO "samples" VALUES('11111111111111111111111111111111','throughput','samples/s','float64',1,665077210,X'789C6360008290160700024C0119');
CREATE TABLE stopwatt_schema (
    version BIGINT NOT NULL PRIMARY KEY,
    applied_at TEXT NOT NULL
);
INSERT INTO "stopwatt_schema" VALUES(1,'2026-11-20T09:53:48+00:00');
CREATE INDEX runs_plan ON runs (plan);
CREATE INDEX cells_workload ON cells (workload);
CREATE INDEX rounds_run ON rounds (run);
CREATE INDEX rounds_cell ON rounds (cell);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('runs',1);
INSERT INTO "sqlite_sequence" VALUES('rounds',2);
COMMIT;
