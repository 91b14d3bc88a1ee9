-- A database as the controller wrote it at schema 12, dumped by `sqlite3 hourkey.db .dump` at
-- 2030-01-09 00:30 of its clock. It began at 2030-01-01 with the people of the controller's tests.
--
-- Ann unlocked Payroll on the 9th and uses it; Ben's and Rae's have been locked since the 8th. Ann has
-- the database to 02:00, Ben the logs to 01:00; Ann's logs are scheduled for 2030-01-10 20:00. Rae
-- waits for Payroll, Ben for the database. Roy denied Ann the vault, and revoked Ben's. There are a
-- gateway, Ann's computer, and two connections of hers.
PRAGMA foreign_keys=OFF;
BEGIN TRANSACTION;
CREATE TABLE _sqlx_migrations (
    version BIGINT PRIMARY KEY,
    description TEXT NOT NULL,
    installed_on TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
    success BOOLEAN NOT NULL,
    checksum BLOB NOT NULL,
    execution_time BIGINT NOT NULL
);
INSERT INTO _sqlx_migrations VALUES(1,'start','2026-11-30 02:34:58',1,X'a18d29857c9d7a4ba422dfe604e9767cf40c5297dea27a5a0a5d0ad7adee51ced774d14fd2e6bd4aa82cbea652f145b1',12102010);
INSERT INTO _sqlx_migrations VALUES(2,'devices and gateways','2026-11-30 02:34:58',1,X'2e2b68a0ebe3e8b3478df6645d4ff9a454035c63a4dc51de8a1536dbb8109f1e28f7f3267aede9f5934e199781635209',2282552);
INSERT INTO _sqlx_migrations VALUES(3,'connections','2026-11-30 02:34:58',1,X'f5e4e9a697dd399472e42e5c77c97fba0b9b4256ee6fbd9e5f1ff19884296eb2d1c3c1f749b6318fd7c66948e966d600',40952265);
INSERT INTO _sqlx_migrations VALUES(4,'auto lock','2026-11-30 02:34:58',1,X'524eb9c397aa4c056cc7a65baa2a4740bc61b92e3a8856b6177adb9bbc692d024d51a0ae032a77205d09c7e1a6af6c73',287726);
INSERT INTO _sqlx_migrations VALUES(5,'outlasting','2026-11-30 02:34:58',1,X'60f72ce61c44e62c48db9f68b8a6fde465ea0e2fb80776d6a4729004b2c4dda74528bcaf1b6f69a98092e9e9f414d8ce',1314868);
INSERT INTO _sqlx_migrations VALUES(6,'consents','2026-11-30 02:34:58',1,X'b09fb45024aa10943f660d4436df9326447ac5dc26731fb1288bdb201adcb52060446dfcd88b10a66f5b7c1e7eb2c6ae',10729126);
INSERT INTO _sqlx_migrations VALUES(7,'session ends','2026-11-30 02:34:58',1,X'cfa1d927a927f607728216c1bb2e9dbcb013905921267e4255abbb4103877f0b21ec0893dc2b35eacee59165f062ab5e',1445572);
INSERT INTO _sqlx_migrations VALUES(8,'known browsers','2026-11-30 02:34:58',1,X'15eb3581c5170444bb90826cdc4cda064c1d09e654b8af9c07d2ead4d72f0b092ce2c5a6f3e44db0c33040011429f719',1373305);
INSERT INTO _sqlx_migrations VALUES(9,'recommended length','2026-11-30 02:34:58',1,X'2454306b1911a48c95b9a797941c7ce184fb94dce8d1619569d8642c9107dcd8bffe2e131e50c82472a32b5d12b17904',2549618);
INSERT INTO _sqlx_migrations VALUES(10,'review notices','2026-11-30 02:34:58',1,X'94c2f769be39acace315088d427d3542bb1ece6f3cf730ce0ba5b84d7a62a7282df744dd37c1db3e29bfc16a6a25b398',5971688);
INSERT INTO _sqlx_migrations VALUES(11,'name when asked','2026-11-30 02:34:58',1,X'dd33ce9e63d5382fed056ba519652f00065b2d3b3d284c09b004f28945785264acd803bc127f6da9b763545b263e687e',1763974);
INSERT INTO _sqlx_migrations VALUES(12,'fallback reviewers','2026-11-30 02:34:58',1,X'76228638a7cabdaa25ce2984c92920a45a3483615a665a76711483cfb8731bbf40f96bf1fcd3944393e3bc36d9f407b6',780987);
CREATE TABLE organisation (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    name TEXT NOT NULL,
    setup_code BLOB CHECK (length(setup_code) = 32)
) STRICT;
INSERT INTO organisation VALUES(1,'Example',NULL);
CREATE TABLE users (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    login TEXT NOT NULL CHECK (login <> ''),
    name TEXT NOT NULL,
    email TEXT,
    member INTEGER NOT NULL CHECK (member IN (0, 1)),
    access_reviewer INTEGER NOT NULL CHECK (access_reviewer IN (0, 1)),
    admin INTEGER NOT NULL CHECK (admin IN (0, 1)),
    disabled INTEGER NOT NULL CHECK (disabled IN (0, 1)),
    password_hash TEXT,
    removed INTEGER NOT NULL DEFAULT 0 CHECK (removed IN (0, 1))
) STRICT;
INSERT INTO users VALUES(1,'ann','Ann Member',NULL,1,0,0,0,NULL,0);
INSERT INTO users VALUES(2,'ben','Ben Oncall',NULL,1,0,0,0,NULL,0);
INSERT INTO users VALUES(3,'rae','Rae Reviewer',NULL,0,1,0,0,NULL,0);
INSERT INTO users VALUES(4,'roy','Roy Reviewer',NULL,0,1,0,0,NULL,0);
INSERT INTO users VALUES(5,'dan','Dan Owner',NULL,1,0,0,0,NULL,0);
INSERT INTO users VALUES(6,'ada','Ada Admin',NULL,0,0,1,0,NULL,0);
INSERT INTO users VALUES(7,'eve','Eve Nobody',NULL,1,0,0,0,NULL,0);
CREATE TABLE groups (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL CHECK (name <> ''),
    removed INTEGER NOT NULL DEFAULT 0 CHECK (removed IN (0, 1))
) STRICT;
INSERT INTO "groups" VALUES(1,'Engineering',0);
INSERT INTO "groups" VALUES(2,'On call',0);
INSERT INTO "groups" VALUES(3,'Database owners',0);
CREATE TABLE memberships (
    user_id INTEGER NOT NULL REFERENCES users (id),
    group_id INTEGER NOT NULL REFERENCES groups (id),
    PRIMARY KEY (user_id, group_id)
) STRICT, WITHOUT ROWID;
INSERT INTO memberships VALUES(1,1);
INSERT INTO memberships VALUES(2,1);
INSERT INTO memberships VALUES(3,1);
INSERT INTO memberships VALUES(2,2);
INSERT INTO memberships VALUES(5,3);
CREATE TABLE networks (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL CHECK (name <> ''),
    removed INTEGER NOT NULL DEFAULT 0 CHECK (removed IN (0, 1))
) STRICT;
INSERT INTO networks VALUES(1,'Office',0);
CREATE TABLE resources (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL CHECK (name <> ''),
    address TEXT NOT NULL,
    ports TEXT NOT NULL,
    alias TEXT,
    network_id INTEGER NOT NULL REFERENCES networks (id),
    tags TEXT NOT NULL CHECK (json_type(tags) = 'array'),
    url TEXT,
    mode TEXT NOT NULL CHECK (mode IN ('standing', 'auto_lock', 'access_request')),
    period TEXT NOT NULL CHECK (period IN ('preset', 'custom')),
    period_seconds INTEGER NOT NULL CHECK (period_seconds BETWEEN 60 AND 604800),
    approval TEXT NOT NULL CHECK (approval IN ('manual', 'automatic')),
    lock_after INTEGER NOT NULL CHECK (lock_after BETWEEN 0 AND 65535),
    removed INTEGER NOT NULL DEFAULT 0 CHECK (removed IN (0, 1))
, outlasts_controller INTEGER NOT NULL DEFAULT 0
    CHECK (outlasts_controller IN (0, 1)), recommended_seconds INTEGER
    CHECK (recommended_seconds BETWEEN 60 AND period_seconds)) STRICT;
INSERT INTO resources VALUES(1,'Wiki','wiki.corp','443',NULL,1,'[]',NULL,'standing','preset',3600,'manual',7,0,0,NULL);
INSERT INTO resources VALUES(2,'Database','database.corp','5432',NULL,1,'[]',NULL,'access_request','custom',28800,'manual',7,0,0,NULL);
INSERT INTO resources VALUES(3,'Logs','logs.corp','443',NULL,1,'[]',NULL,'access_request','custom',14400,'automatic',7,0,0,NULL);
INSERT INTO resources VALUES(4,'Vault','vault.corp','8200',NULL,1,'[]',NULL,'access_request','preset',3600,'manual',7,0,0,NULL);
INSERT INTO resources VALUES(5,'Payroll','payroll.corp','443',NULL,1,'[]',NULL,'auto_lock','preset',3600,'manual',7,0,0,NULL);
CREATE TABLE approvers (
    resource_id INTEGER NOT NULL REFERENCES resources (id),
    group_id INTEGER NOT NULL REFERENCES groups (id),
    PRIMARY KEY (resource_id, group_id)
) STRICT, WITHOUT ROWID;
INSERT INTO approvers VALUES(2,3);
CREATE TABLE assignments (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    group_id INTEGER NOT NULL REFERENCES groups (id),
    resource_id INTEGER NOT NULL REFERENCES resources (id),
    until INTEGER,
    mode TEXT CHECK (mode IN ('standing', 'auto_lock', 'access_request')),
    period TEXT CHECK (period IN ('preset', 'custom')),
    period_seconds INTEGER CHECK (period_seconds BETWEEN 60 AND 604800),
    approval TEXT CHECK (approval IN ('manual', 'automatic')),
    lock_after INTEGER CHECK (lock_after BETWEEN 0 AND 65535),
    removed INTEGER NOT NULL DEFAULT 0 CHECK (removed IN (0, 1)), recommended_seconds INTEGER
    CHECK (recommended_seconds BETWEEN 60 AND period_seconds),
    CHECK ((period IS NULL) = (period_seconds IS NULL))
) STRICT;
INSERT INTO assignments VALUES(1,1,1,NULL,NULL,NULL,NULL,NULL,NULL,0,NULL);
INSERT INTO assignments VALUES(2,1,2,NULL,NULL,NULL,NULL,NULL,NULL,0,NULL);
INSERT INTO assignments VALUES(3,1,3,NULL,NULL,NULL,NULL,NULL,NULL,0,NULL);
INSERT INTO assignments VALUES(4,1,4,NULL,NULL,NULL,NULL,NULL,NULL,0,NULL);
INSERT INTO assignments VALUES(5,2,4,NULL,NULL,'custom',7200,'automatic',NULL,0,NULL);
INSERT INTO assignments VALUES(6,1,5,NULL,NULL,NULL,NULL,NULL,NULL,0,NULL);
CREATE TABLE requests (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    user_id INTEGER NOT NULL REFERENCES users (id),
    resource_id INTEGER NOT NULL REFERENCES resources (id),
    assignment_id INTEGER NOT NULL REFERENCES assignments (id),
    terms TEXT NOT NULL CHECK (terms ->> 'assignment' = assignment_id),
    reason TEXT NOT NULL,
    asked_seconds INTEGER NOT NULL CHECK (asked_seconds BETWEEN 60 AND 604800),
    starts_at INTEGER,
    created_at INTEGER NOT NULL,
    lapses_at INTEGER NOT NULL,
    state TEXT NOT NULL
        CHECK (state IN ('pending', 'approved', 'denied', 'cancelled', 'lapsed')),
    ended_at INTEGER CHECK ((ended_at IS NULL) = (state = 'pending')),
    detail TEXT NOT NULL CHECK (detail ->> 'state' = state)
, resource_name TEXT NOT NULL DEFAULT '') STRICT;
INSERT INTO requests VALUES(1,1,5,6,'{"purpose":"unlock","assignment":6,"group":1,"period":{"preset":3600},"approval":"Manual","until":null}','Month''s end',3600,NULL,1894147200000,1894233600000,'approved',1894147200000,'{"state":"approved","at":"2030-01-09T00:00:00Z","by":4,"length":3600,"comment":""}','Payroll');
INSERT INTO requests VALUES(2,3,5,6,'{"purpose":"unlock","assignment":6,"group":1,"period":{"preset":3600},"approval":"Manual","until":null}','Back from leave',3600,NULL,1894147200000,1894233600000,'pending',NULL,'{"state":"pending"}','Payroll');
INSERT INTO requests VALUES(3,1,4,4,'{"purpose":"grant","assignment":4,"group":1,"period":{"preset":3600},"approval":"Manual","until":null}','A look',3600,NULL,1894147200000,1894233600000,'denied',1894147200000,'{"state":"denied","at":"2030-01-09T00:00:00Z","by":4,"comment":"Not before the audit is over"}','Vault');
INSERT INTO requests VALUES(4,2,4,5,'{"purpose":"grant","assignment":5,"group":2,"period":{"custom":{"up_to":7200}},"approval":"Automatic","until":null}','On call',3600,NULL,1894147200000,1894233600000,'approved',1894147200000,'{"state":"approved","at":"2030-01-09T00:00:00Z","by":null,"length":3600,"comment":""}','Vault');
INSERT INTO requests VALUES(5,1,2,2,'{"purpose":"grant","assignment":2,"group":1,"period":{"custom":{"up_to":28800}},"approval":"Manual","until":null}','Reports',14400,NULL,1894147200000,1894233600000,'approved',1894147200000,'{"state":"approved","at":"2030-01-09T00:00:00Z","by":5,"length":7200,"comment":"Two hours will do"}','Database');
INSERT INTO requests VALUES(6,2,3,3,'{"purpose":"grant","assignment":3,"group":1,"period":{"custom":{"up_to":14400}},"approval":"Automatic","until":null}','An incident',3600,NULL,1894147200000,1894233600000,'approved',1894147200000,'{"state":"approved","at":"2030-01-09T00:00:00Z","by":null,"length":3600,"comment":""}','Logs');
INSERT INTO requests VALUES(7,1,3,3,'{"purpose":"grant","assignment":3,"group":1,"period":{"custom":{"up_to":14400}},"approval":"Automatic","until":null}','Release night',3600,1894305600000,1894147200000,1894305600000,'approved',1894147200000,'{"state":"approved","at":"2030-01-09T00:00:00Z","by":null,"length":3600,"comment":""}','Logs');
INSERT INTO requests VALUES(8,2,2,2,'{"purpose":"grant","assignment":2,"group":1,"period":{"custom":{"up_to":28800}},"approval":"Manual","until":null}','An index',3600,NULL,1894149000000,1894235400000,'pending',NULL,'{"state":"pending"}','Database');
CREATE TABLE grants (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    request_id INTEGER NOT NULL REFERENCES requests (id),
    user_id INTEGER NOT NULL REFERENCES users (id),
    resource_id INTEGER NOT NULL REFERENCES resources (id),
    assignment_id INTEGER NOT NULL REFERENCES assignments (id),
    starts_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL CHECK (expires_at > starts_at),
    state TEXT NOT NULL
        CHECK (state IN ('scheduled', 'active', 'expired', 'released', 'revoked')),
    ended_at INTEGER CHECK ((ended_at IS NULL) = (state IN ('scheduled', 'active'))),
    revoked_by INTEGER REFERENCES users (id)
        CHECK (revoked_by IS NULL OR state = 'revoked'),
    detail TEXT NOT NULL CHECK (detail ->> 'state' = state)
) STRICT;
INSERT INTO grants VALUES(1,4,2,4,5,1894147200000,1894150800000,'revoked',1894147200000,4,'{"state":"revoked","at":"2030-01-09T00:00:00Z","by":4,"cause":"person","comment":"The shift is over"}');
INSERT INTO grants VALUES(2,5,1,2,2,1894147200000,1894154400000,'active',NULL,NULL,'{"state":"active"}');
INSERT INTO grants VALUES(3,6,2,3,3,1894147200000,1894150800000,'active',NULL,NULL,'{"state":"active"}');
INSERT INTO grants VALUES(4,7,1,3,3,1894305600000,1894309200000,'scheduled',NULL,NULL,'{"state":"scheduled"}');
CREATE TABLE audit (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    at INTEGER NOT NULL,
    actor INTEGER REFERENCES users (id),
    action TEXT NOT NULL CHECK (action <> ''),
    subject TEXT NOT NULL CHECK (json_valid(subject)),
    detail TEXT NOT NULL CHECK (json_valid(detail))
) STRICT;
INSERT INTO audit VALUES(1,1893456000000,NULL,'gateway.added','{"subject":"gateway","gateway":1}','{"address":"gw.corp.example:8443","name":"gw-1","network":"Office"}');
INSERT INTO audit VALUES(2,1893456000000,NULL,'gateway.enrolled','{"subject":"gateway","gateway":1}','{"key":"1768ee1779eed2ade492a6adc010705644398c2dee7685a8046ba43c5c10b409"}');
INSERT INTO audit VALUES(3,1893456000000,6,'resource.changed','{"subject":"organisation","entity":{"kind":"any"}}','null');
INSERT INTO audit VALUES(4,1893456000000,1,'device.enrolled','{"subject":"account","user":1}','{"device":1,"key":"13448a201e3938b8833e608eb117beeffd75661d4f3e71d5b57f3582c408c6ff","name":"laptop","session":2}');
INSERT INTO audit VALUES(5,1893628800000,1,'connection.ended','{"subject":"use","user":1,"resource":1,"restarts_count":false,"cut":false}','{"connection":"0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b","device":1,"ended_at":"2030-01-02T12:00:00Z","gateway":1,"received":8,"sent":7,"started_at":"2030-01-02T10:00:00Z","why":"closed"}');
INSERT INTO audit VALUES(6,1894147200000,1,'request.made','{"subject":"access","user":1,"resource":5,"request":1,"grant":null}','{"asked":3600,"lapses_at":"2030-01-10T00:00:00Z","reason":"Month''s end","starts_at":null,"terms":{"approval":"Manual","assignment":6,"group":1,"period":{"preset":3600},"purpose":"unlock","until":null},"to":{"state":"pending"}}');
INSERT INTO audit VALUES(7,1894147200000,4,'request.approved','{"subject":"access","user":1,"resource":5,"request":1,"grant":null}','{"from":{"state":"pending"},"to":{"at":"2030-01-09T00:00:00Z","by":4,"comment":"","length":3600,"state":"approved"},"unlock":{"assignment":6,"at":"2030-01-09T00:00:00Z","by":{"approval":{"request":1,"reviewer":4}},"resource":5,"user":1}}');
INSERT INTO audit VALUES(8,1894147200000,1,'connection.started','{"subject":"use","user":1,"resource":5,"restarts_count":false,"cut":false}','{"connection":"0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c","device":1,"gateway":1,"started_at":"2030-01-09T00:00:00Z"}');
INSERT INTO audit VALUES(9,1894147200000,3,'request.made','{"subject":"access","user":3,"resource":5,"request":2,"grant":null}','{"asked":3600,"lapses_at":"2030-01-10T00:00:00Z","reason":"Back from leave","starts_at":null,"terms":{"approval":"Manual","assignment":6,"group":1,"period":{"preset":3600},"purpose":"unlock","until":null},"to":{"state":"pending"}}');
INSERT INTO audit VALUES(10,1894147200000,1,'request.made','{"subject":"access","user":1,"resource":4,"request":3,"grant":null}','{"asked":3600,"lapses_at":"2030-01-10T00:00:00Z","reason":"A look","starts_at":null,"terms":{"approval":"Manual","assignment":4,"group":1,"period":{"preset":3600},"purpose":"grant","until":null},"to":{"state":"pending"}}');
INSERT INTO audit VALUES(11,1894147200000,4,'request.denied','{"subject":"access","user":1,"resource":4,"request":3,"grant":null}','{"from":{"state":"pending"},"to":{"at":"2030-01-09T00:00:00Z","by":4,"comment":"Not before the audit is over","state":"denied"}}');
INSERT INTO audit VALUES(12,1894147200000,2,'request.made','{"subject":"access","user":2,"resource":4,"request":4,"grant":null}','{"asked":3600,"lapses_at":"2030-01-10T00:00:00Z","reason":"On call","starts_at":null,"terms":{"approval":"Automatic","assignment":5,"group":2,"period":{"custom":{"up_to":7200}},"purpose":"grant","until":null},"to":{"state":"pending"}}');
INSERT INTO audit VALUES(13,1894147200000,NULL,'request.approved','{"subject":"access","user":2,"resource":4,"request":4,"grant":1}','{"from":{"state":"pending"},"to":{"at":"2030-01-09T00:00:00Z","by":null,"comment":"","length":3600,"state":"approved"},"window":{"expires_at":"2030-01-09T01:00:00Z","starts_at":"2030-01-09T00:00:00Z"}}');
INSERT INTO audit VALUES(14,1894147200000,4,'grant.revoked','{"subject":"access","user":2,"resource":4,"request":4,"grant":1}','{"expires_at":"2030-01-09T01:00:00Z","from":{"state":"active"},"starts_at":"2030-01-09T00:00:00Z","to":{"at":"2030-01-09T00:00:00Z","by":4,"cause":"person","comment":"The shift is over","state":"revoked"}}');
INSERT INTO audit VALUES(15,1894147200000,1,'request.made','{"subject":"access","user":1,"resource":2,"request":5,"grant":null}','{"asked":14400,"lapses_at":"2030-01-10T00:00:00Z","reason":"Reports","starts_at":null,"terms":{"approval":"Manual","assignment":2,"group":1,"period":{"custom":{"up_to":28800}},"purpose":"grant","until":null},"to":{"state":"pending"}}');
INSERT INTO audit VALUES(16,1894147200000,5,'request.approved','{"subject":"access","user":1,"resource":2,"request":5,"grant":2}','{"from":{"state":"pending"},"to":{"at":"2030-01-09T00:00:00Z","by":5,"comment":"Two hours will do","length":7200,"state":"approved"},"window":{"expires_at":"2030-01-09T02:00:00Z","starts_at":"2030-01-09T00:00:00Z"}}');
INSERT INTO audit VALUES(17,1894147200000,2,'request.made','{"subject":"access","user":2,"resource":3,"request":6,"grant":null}','{"asked":3600,"lapses_at":"2030-01-10T00:00:00Z","reason":"An incident","starts_at":null,"terms":{"approval":"Automatic","assignment":3,"group":1,"period":{"custom":{"up_to":14400}},"purpose":"grant","until":null},"to":{"state":"pending"}}');
INSERT INTO audit VALUES(18,1894147200000,NULL,'request.approved','{"subject":"access","user":2,"resource":3,"request":6,"grant":3}','{"from":{"state":"pending"},"to":{"at":"2030-01-09T00:00:00Z","by":null,"comment":"","length":3600,"state":"approved"},"window":{"expires_at":"2030-01-09T01:00:00Z","starts_at":"2030-01-09T00:00:00Z"}}');
INSERT INTO audit VALUES(19,1894147200000,1,'request.made','{"subject":"access","user":1,"resource":3,"request":7,"grant":null}','{"asked":3600,"lapses_at":"2030-01-10T20:00:00Z","reason":"Release night","starts_at":"2030-01-10T20:00:00Z","terms":{"approval":"Automatic","assignment":3,"group":1,"period":{"custom":{"up_to":14400}},"purpose":"grant","until":null},"to":{"state":"pending"}}');
INSERT INTO audit VALUES(20,1894147200000,NULL,'request.approved','{"subject":"access","user":1,"resource":3,"request":7,"grant":4}','{"from":{"state":"pending"},"to":{"at":"2030-01-09T00:00:00Z","by":null,"comment":"","length":3600,"state":"approved"},"window":{"expires_at":"2030-01-10T21:00:00Z","starts_at":"2030-01-10T20:00:00Z"}}');
INSERT INTO audit VALUES(21,1894149000000,2,'request.made','{"subject":"access","user":2,"resource":2,"request":8,"grant":null}','{"asked":3600,"lapses_at":"2030-01-10T00:30:00Z","reason":"An index","starts_at":null,"terms":{"approval":"Manual","assignment":2,"group":1,"period":{"custom":{"up_to":28800}},"purpose":"grant","until":null},"to":{"state":"pending"}}');
CREATE TABLE change_log (
    seq INTEGER PRIMARY KEY REFERENCES audit (seq),
    at INTEGER NOT NULL,
    subject TEXT NOT NULL CHECK (json_valid(subject))
) STRICT;
INSERT INTO change_log VALUES(1,1893456000000,'{"subject":"gateway","gateway":1}');
INSERT INTO change_log VALUES(2,1893456000000,'{"subject":"gateway","gateway":1}');
INSERT INTO change_log VALUES(3,1893456000000,'{"subject":"organisation","entity":{"kind":"any"}}');
INSERT INTO change_log VALUES(4,1893456000000,'{"subject":"account","user":1}');
INSERT INTO change_log VALUES(5,1893628800000,'{"subject":"use","user":1,"resource":1,"restarts_count":false,"cut":false}');
INSERT INTO change_log VALUES(6,1894147200000,'{"subject":"access","user":1,"resource":5,"request":1,"grant":null}');
INSERT INTO change_log VALUES(7,1894147200000,'{"subject":"access","user":1,"resource":5,"request":1,"grant":null}');
INSERT INTO change_log VALUES(8,1894147200000,'{"subject":"use","user":1,"resource":5,"restarts_count":false,"cut":false}');
INSERT INTO change_log VALUES(9,1894147200000,'{"subject":"access","user":3,"resource":5,"request":2,"grant":null}');
INSERT INTO change_log VALUES(10,1894147200000,'{"subject":"access","user":1,"resource":4,"request":3,"grant":null}');
INSERT INTO change_log VALUES(11,1894147200000,'{"subject":"access","user":1,"resource":4,"request":3,"grant":null}');
INSERT INTO change_log VALUES(12,1894147200000,'{"subject":"access","user":2,"resource":4,"request":4,"grant":null}');
INSERT INTO change_log VALUES(13,1894147200000,'{"subject":"access","user":2,"resource":4,"request":4,"grant":1}');
INSERT INTO change_log VALUES(14,1894147200000,'{"subject":"access","user":2,"resource":4,"request":4,"grant":1}');
INSERT INTO change_log VALUES(15,1894147200000,'{"subject":"access","user":1,"resource":2,"request":5,"grant":null}');
INSERT INTO change_log VALUES(16,1894147200000,'{"subject":"access","user":1,"resource":2,"request":5,"grant":2}');
INSERT INTO change_log VALUES(17,1894147200000,'{"subject":"access","user":2,"resource":3,"request":6,"grant":null}');
INSERT INTO change_log VALUES(18,1894147200000,'{"subject":"access","user":2,"resource":3,"request":6,"grant":3}');
INSERT INTO change_log VALUES(19,1894147200000,'{"subject":"access","user":1,"resource":3,"request":7,"grant":null}');
INSERT INTO change_log VALUES(20,1894147200000,'{"subject":"access","user":1,"resource":3,"request":7,"grant":4}');
INSERT INTO change_log VALUES(21,1894149000000,'{"subject":"access","user":2,"resource":2,"request":8,"grant":null}');
CREATE TABLE notices (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    seq INTEGER NOT NULL REFERENCES audit (seq),
    user_id INTEGER NOT NULL REFERENCES users (id),
    at INTEGER NOT NULL,
    resource_id INTEGER NOT NULL REFERENCES resources (id),
    resource_name TEXT NOT NULL,
    what TEXT NOT NULL CHECK (json_valid(what))
, requester_id INTEGER REFERENCES users (id), again_at INTEGER) STRICT;
INSERT INTO notices VALUES(1,6,3,1894147200000,5,'Payroll','{"kind":"please_review","request":1,"requester":"Ann Member","reason":"Month''s end","asked":null}',1,NULL);
INSERT INTO notices VALUES(2,6,4,1894147200000,5,'Payroll','{"kind":"please_review","request":1,"requester":"Ann Member","reason":"Month''s end","asked":null}',1,NULL);
INSERT INTO notices VALUES(3,6,6,1894147200000,5,'Payroll','{"kind":"please_review","request":1,"requester":"Ann Member","reason":"Month''s end","asked":null}',1,NULL);
INSERT INTO notices VALUES(4,7,1,1894147200000,5,'Payroll','{"kind":"unlocked","request":1,"by":"Roy Reviewer","locks_at":"2030-01-16T00:00:00Z","comment":""}',NULL,NULL);
INSERT INTO notices VALUES(5,9,4,1894147200000,5,'Payroll','{"kind":"please_review","request":2,"requester":"Rae Reviewer","reason":"Back from leave","asked":null}',3,NULL);
INSERT INTO notices VALUES(6,9,6,1894147200000,5,'Payroll','{"kind":"please_review","request":2,"requester":"Rae Reviewer","reason":"Back from leave","asked":null}',3,NULL);
INSERT INTO notices VALUES(7,10,3,1894147200000,4,'Vault','{"kind":"please_review","request":3,"requester":"Ann Member","reason":"A look","asked":3600}',1,NULL);
INSERT INTO notices VALUES(8,10,4,1894147200000,4,'Vault','{"kind":"please_review","request":3,"requester":"Ann Member","reason":"A look","asked":3600}',1,NULL);
INSERT INTO notices VALUES(9,10,6,1894147200000,4,'Vault','{"kind":"please_review","request":3,"requester":"Ann Member","reason":"A look","asked":3600}',1,NULL);
INSERT INTO notices VALUES(10,11,1,1894147200000,4,'Vault','{"kind":"denied","request":3,"by":"Roy Reviewer","comment":"Not before the audit is over"}',NULL,NULL);
INSERT INTO notices VALUES(11,13,2,1894147200000,4,'Vault','{"kind":"approved","request":4,"grant":1,"by":null,"length":3600,"starts_at":"2030-01-09T00:00:00Z","expires_at":"2030-01-09T01:00:00Z","comment":""}',NULL,NULL);
INSERT INTO notices VALUES(12,14,2,1894147200000,4,'Vault','{"kind":"revoked","grant":1,"by":"Roy Reviewer","cause":"person","comment":"The shift is over"}',NULL,NULL);
INSERT INTO notices VALUES(13,15,3,1894147200000,2,'Database','{"kind":"please_review","request":5,"requester":"Ann Member","reason":"Reports","asked":14400}',1,NULL);
INSERT INTO notices VALUES(14,15,4,1894147200000,2,'Database','{"kind":"please_review","request":5,"requester":"Ann Member","reason":"Reports","asked":14400}',1,NULL);
INSERT INTO notices VALUES(15,15,5,1894147200000,2,'Database','{"kind":"please_review","request":5,"requester":"Ann Member","reason":"Reports","asked":14400}',1,NULL);
INSERT INTO notices VALUES(16,15,6,1894147200000,2,'Database','{"kind":"please_review","request":5,"requester":"Ann Member","reason":"Reports","asked":14400}',1,NULL);
INSERT INTO notices VALUES(17,16,1,1894147200000,2,'Database','{"kind":"approved","request":5,"grant":2,"by":"Dan Owner","length":7200,"starts_at":"2030-01-09T00:00:00Z","expires_at":"2030-01-09T02:00:00Z","comment":"Two hours will do"}',NULL,NULL);
INSERT INTO notices VALUES(18,18,2,1894147200000,3,'Logs','{"kind":"approved","request":6,"grant":3,"by":null,"length":3600,"starts_at":"2030-01-09T00:00:00Z","expires_at":"2030-01-09T01:00:00Z","comment":""}',NULL,NULL);
INSERT INTO notices VALUES(19,20,1,1894147200000,3,'Logs','{"kind":"approved","request":7,"grant":4,"by":null,"length":3600,"starts_at":"2030-01-10T20:00:00Z","expires_at":"2030-01-10T21:00:00Z","comment":""}',NULL,NULL);
INSERT INTO notices VALUES(20,21,3,1894149000000,2,'Database','{"kind":"please_review","request":8,"requester":"Ben Oncall","reason":"An index","asked":3600}',2,NULL);
INSERT INTO notices VALUES(21,21,4,1894149000000,2,'Database','{"kind":"please_review","request":8,"requester":"Ben Oncall","reason":"An index","asked":3600}',2,NULL);
INSERT INTO notices VALUES(22,21,5,1894149000000,2,'Database','{"kind":"please_review","request":8,"requester":"Ben Oncall","reason":"An index","asked":3600}',2,NULL);
INSERT INTO notices VALUES(23,21,6,1894149000000,2,'Database','{"kind":"please_review","request":8,"requester":"Ben Oncall","reason":"An index","asked":3600}',2,NULL);
CREATE TABLE sessions (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    user_id INTEGER NOT NULL REFERENCES users (id),
    kind TEXT NOT NULL CHECK (kind IN ('browser', 'desktop', 'cli', 'headless')),
    label TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    last_seen INTEGER NOT NULL,
    cookie BLOB UNIQUE CHECK (length(cookie) = 32)
, ends_at INTEGER NOT NULL DEFAULT 0) STRICT;
INSERT INTO sessions VALUES(1,1,'browser','Firefox on Linux',1893456000000,1893456000000,X'0707070707070707070707070707070707070707070707070707070707070707',1894492800000);
INSERT INTO sessions VALUES(2,1,'desktop','Hourkey on a test host',1893456000000,1893456000000,NULL,1896048000000);
INSERT INTO sessions VALUES(3,1,'desktop','Hourkey on a test host',1894147200000,1894147200000,NULL,1896739200000);
INSERT INTO sessions VALUES(4,4,'desktop','Hourkey on a test host',1894147200000,1894147200000,NULL,1896739200000);
INSERT INTO sessions VALUES(5,3,'desktop','Hourkey on a test host',1894147200000,1894147200000,NULL,1896739200000);
INSERT INTO sessions VALUES(6,1,'desktop','Hourkey on a test host',1894147200000,1894147200000,NULL,1896739200000);
INSERT INTO sessions VALUES(7,4,'desktop','Hourkey on a test host',1894147200000,1894147200000,NULL,1896739200000);
INSERT INTO sessions VALUES(8,2,'desktop','Hourkey on a test host',1894147200000,1894147200000,NULL,1896739200000);
INSERT INTO sessions VALUES(9,4,'desktop','Hourkey on a test host',1894147200000,1894147200000,NULL,1896739200000);
INSERT INTO sessions VALUES(10,1,'desktop','Hourkey on a test host',1894147200000,1894147200000,NULL,1896739200000);
INSERT INTO sessions VALUES(11,5,'desktop','Hourkey on a test host',1894147200000,1894147200000,NULL,1896739200000);
INSERT INTO sessions VALUES(12,2,'desktop','Hourkey on a test host',1894147200000,1894147200000,NULL,1896739200000);
INSERT INTO sessions VALUES(13,1,'desktop','Hourkey on a test host',1894147200000,1894147200000,NULL,1896739200000);
INSERT INTO sessions VALUES(14,2,'desktop','Hourkey on a test host',1894149000000,1894149000000,NULL,1896741000000);
INSERT INTO sessions VALUES(15,2,'headless','Hourkey on a test host',1894149000000,1894149000000,NULL,1896741000000);
INSERT INTO sessions VALUES(16,2,'cli','Hourkey on a test host',1894149000000,1894149000000,NULL,1896741000000);
CREATE TABLE access_tokens (
    token BLOB PRIMARY KEY CHECK (length(token) = 32),
    session_id INTEGER NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO access_tokens VALUES(X'11137082a7f4d07761af697646e06e988c970958127a802fde656e5b799a5cd1',10,1895875200000);
INSERT INTO access_tokens VALUES(X'2ce73c42e0202d288c4e5f2981143f61ef3f4680cf5c583ca0e89eedf7872829',4,1895875200000);
INSERT INTO access_tokens VALUES(X'316e7917d8855c92cbfdcc2e9682c0ec368b0a7052b22efc6beaca0c503b04ca',2,1895184000000);
INSERT INTO access_tokens VALUES(X'438c6ba219fc33942db90f79fb93c4ec825f78220ebd37b85d8b7b9a8cdb9b49',6,1895875200000);
INSERT INTO access_tokens VALUES(X'4c74e3d3acb14086fe049374fec8a476cd98bff4e1b22561fbcc36dade132a16',7,1895875200000);
INSERT INTO access_tokens VALUES(X'4ea1aa4614e2a5a01f3280c2ee6152c90231a9c523029dcac2760baf35d4cfa1',9,1895875200000);
INSERT INTO access_tokens VALUES(X'83f94e5e287adb28e703ff231e0a34e59457ac03f40474c687fd1bdb0c3e0754',16,1895877000000);
INSERT INTO access_tokens VALUES(X'a853629a573b77122402d9ca6a258d45456442f8e2743fe6587754c7a4380476',5,1895875200000);
INSERT INTO access_tokens VALUES(X'c73752863b2903049c517e4a059b560a6366a9e6de5aac4e73de43e02e744e16',11,1895875200000);
INSERT INTO access_tokens VALUES(X'd0bdb996159bdd23719c27a6087c93b4975ea457885aa5f080eacda12ba5c32a',15,1895877000000);
INSERT INTO access_tokens VALUES(X'd485d4869b63ee40ebc459280e6fd6750ff145baf4d9b35d486e559433e7feaa',12,1895875200000);
INSERT INTO access_tokens VALUES(X'd692e9975057255bc046846005be6da878a56a45558ed11e2561ebfc2e2e828b',3,1895875200000);
INSERT INTO access_tokens VALUES(X'dc879b2226f389817a0e2cf7c8ccddca339f4d26bce9a84dffd72bc67f36e8c8',8,1895875200000);
INSERT INTO access_tokens VALUES(X'e08cc7423ea0ac8730c6c26cfdecd1cf99b9357e4cbca71fcf01bcfe06f9f5e4',14,1895877000000);
INSERT INTO access_tokens VALUES(X'ec2830bcee6f7e59558676a85a9a18db377bdff4ca0d1b9ffc46793f388b3cd5',13,1895875200000);
CREATE TABLE refresh_tokens (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    token BLOB NOT NULL UNIQUE CHECK (length(token) = 32),
    session_id INTEGER NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    generation INTEGER NOT NULL,
    used INTEGER NOT NULL DEFAULT 0 CHECK (used IN (0, 1))
) STRICT;
CREATE TABLE codes (
    code BLOB PRIMARY KEY CHECK (length(code) = 32),
    user_id INTEGER NOT NULL REFERENCES users (id),
    client_id TEXT NOT NULL,
    redirect_uri TEXT NOT NULL,
    challenge TEXT NOT NULL,
    label TEXT NOT NULL,
    expires_at INTEGER NOT NULL,
    session_id INTEGER
, consented_in INTEGER NOT NULL DEFAULT 0) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS "device_codes" (
    device_code BLOB PRIMARY KEY CHECK (length(device_code) = 32),
    user_code TEXT NOT NULL UNIQUE CHECK (user_code <> ''),
    client_id TEXT NOT NULL,
    label TEXT NOT NULL,
    expires_at INTEGER NOT NULL,
    polled_at INTEGER,
    user_id INTEGER REFERENCES users (id),
    denied INTEGER NOT NULL CHECK (denied IN (0, 1))
, consented_in INTEGER) STRICT, WITHOUT ROWID;
CREATE TABLE reset_links (
    link BLOB PRIMARY KEY CHECK (length(link) = 32),
    user_id INTEGER NOT NULL REFERENCES users (id),
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE remembered (
    user_id INTEGER NOT NULL REFERENCES users (id),
    key TEXT NOT NULL,
    call BLOB NOT NULL CHECK (length(call) = 32),
    status INTEGER NOT NULL CHECK (status BETWEEN 100 AND 599),
    body TEXT NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (user_id, key)
) STRICT, WITHOUT ROWID;
CREATE TABLE devices (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    user_id INTEGER NOT NULL REFERENCES users (id),
    session_id INTEGER UNIQUE REFERENCES sessions (id) ON DELETE SET NULL,
    name TEXT NOT NULL,
    key TEXT NOT NULL CHECK (length(key) = 64),
    created_at INTEGER NOT NULL,
    renewed_at INTEGER NOT NULL
) STRICT;
INSERT INTO devices VALUES(1,1,2,'laptop','13448a201e3938b8833e608eb117beeffd75661d4f3e71d5b57f3582c408c6ff',1893456000000,1893456000000);
CREATE TABLE gateways (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL CHECK (name <> ''),
    network_id INTEGER NOT NULL REFERENCES networks (id),
    address TEXT NOT NULL CHECK (address <> ''),
    token BLOB UNIQUE CHECK (length(token) = 32),
    token_expires_at INTEGER CHECK ((token IS NULL) = (token_expires_at IS NULL)),
    credential BLOB UNIQUE CHECK (length(credential) = 32),
    key TEXT CHECK ((key IS NULL) = (credential IS NULL)),
    removed INTEGER NOT NULL DEFAULT 0 CHECK (removed IN (0, 1))
) STRICT;
INSERT INTO gateways VALUES(1,'gw-1',1,'gw.corp.example:8443',NULL,NULL,X'4f92f677908e4a25e390ad201eb4d1ff05da9e950100441a9985491d1e1dd3cc','1768ee1779eed2ade492a6adc010705644398c2dee7685a8046ba43c5c10b409',0);
CREATE TABLE connections (
    gateway_id INTEGER NOT NULL REFERENCES gateways (id),
    id TEXT NOT NULL CHECK (length(id) = 32),
    user_id INTEGER NOT NULL REFERENCES users (id),
    device_id INTEGER NOT NULL REFERENCES devices (id),
    resource_id INTEGER NOT NULL REFERENCES resources (id),
    started_at INTEGER NOT NULL,
    ended_at INTEGER,
    why TEXT CHECK ((why IS NULL) = (ended_at IS NULL)),
    sent INTEGER NOT NULL DEFAULT 0 CHECK (sent >= 0),
    received INTEGER NOT NULL DEFAULT 0 CHECK (received >= 0),
    PRIMARY KEY (gateway_id, id)
) STRICT, WITHOUT ROWID;
INSERT INTO connections VALUES(1,'0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b',1,1,1,1893578400000,1893585600000,'closed',7,8);
INSERT INTO connections VALUES(1,'0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c',1,1,5,1894147200000,NULL,NULL,0,0);
CREATE TABLE last_uses (
    user_id INTEGER NOT NULL REFERENCES users (id),
    resource_id INTEGER NOT NULL REFERENCES resources (id),
    at INTEGER NOT NULL,
    PRIMARY KEY (user_id, resource_id)
) STRICT, WITHOUT ROWID;
INSERT INTO last_uses VALUES(1,1,1893585600000);
INSERT INTO last_uses VALUES(1,5,1894147200000);
CREATE TABLE unused_counts (
    user_id INTEGER NOT NULL REFERENCES users (id),
    resource_id INTEGER NOT NULL REFERENCES resources (id),
    starts_at INTEGER NOT NULL,
    PRIMARY KEY (user_id, resource_id)
) STRICT, WITHOUT ROWID;
INSERT INTO unused_counts VALUES(1,5,1894147200000);
INSERT INTO unused_counts VALUES(2,5,1893456000000);
INSERT INTO unused_counts VALUES(3,5,1893456000000);
CREATE TABLE known_browsers (
    browser BLOB NOT NULL CHECK (length(browser) = 32),
    user_id INTEGER NOT NULL REFERENCES users (id),
    at INTEGER NOT NULL,
    PRIMARY KEY (browser, user_id)
) STRICT, WITHOUT ROWID;
CREATE TABLE fallback_reviewers (
    group_id INTEGER PRIMARY KEY REFERENCES groups (id)
) STRICT;
DELETE FROM sqlite_sequence;
INSERT INTO sqlite_sequence VALUES('users',7);
INSERT INTO sqlite_sequence VALUES('groups',3);
INSERT INTO sqlite_sequence VALUES('networks',1);
INSERT INTO sqlite_sequence VALUES('resources',5);
INSERT INTO sqlite_sequence VALUES('assignments',6);
INSERT INTO sqlite_sequence VALUES('gateways',1);
INSERT INTO sqlite_sequence VALUES('audit',21);
INSERT INTO sqlite_sequence VALUES('sessions',16);
INSERT INTO sqlite_sequence VALUES('devices',1);
INSERT INTO sqlite_sequence VALUES('requests',8);
INSERT INTO sqlite_sequence VALUES('notices',23);
INSERT INTO sqlite_sequence VALUES('grants',4);
CREATE UNIQUE INDEX user_login ON users (login) WHERE removed = 0;
CREATE INDEX user_reviewer ON users (id) WHERE access_reviewer OR admin;
CREATE UNIQUE INDEX group_name ON groups (name) WHERE removed = 0;
CREATE INDEX membership_group ON memberships (group_id, user_id);
CREATE UNIQUE INDEX network_name ON networks (name) WHERE removed = 0;
CREATE UNIQUE INDEX resource_name ON resources (name) WHERE removed = 0;
CREATE INDEX resource_network ON resources (network_id) WHERE removed = 0;
CREATE INDEX approver_group ON approvers (group_id, resource_id);
CREATE UNIQUE INDEX assignment_pair ON assignments (group_id, resource_id) WHERE removed = 0;
CREATE INDEX assignment_resource ON assignments (resource_id) WHERE removed = 0;
CREATE INDEX assignment_until ON assignments (until) WHERE removed = 0 AND until IS NOT NULL;
CREATE UNIQUE INDEX request_pending ON requests (user_id, resource_id) WHERE state = 'pending';
CREATE INDEX request_pending_resource ON requests (resource_id) WHERE state = 'pending';
CREATE INDEX request_pending_assignment ON requests (assignment_id) WHERE state = 'pending';
CREATE INDEX request_lapse ON requests (lapses_at) WHERE state = 'pending';
CREATE INDEX request_user ON requests (user_id, id);
CREATE INDEX request_user_resource ON requests (user_id, resource_id, id);
CREATE UNIQUE INDEX grant_live ON grants (user_id, resource_id)
    WHERE state IN ('scheduled', 'active');
CREATE INDEX grant_request ON grants (request_id, id);
CREATE INDEX grant_live_resource ON grants (resource_id) WHERE state IN ('scheduled', 'active');
CREATE INDEX grant_live_assignment ON grants (assignment_id)
    WHERE state IN ('scheduled', 'active');
CREATE INDEX grant_start ON grants (starts_at) WHERE state = 'scheduled';
CREATE INDEX grant_expiry ON grants (expires_at) WHERE state IN ('scheduled', 'active');
CREATE INDEX grant_user_resource ON grants (user_id, resource_id, starts_at);
CREATE INDEX grant_revoked ON grants (user_id, resource_id, ended_at)
    WHERE revoked_by IS NOT NULL;
CREATE INDEX notice_user ON notices (user_id, seq, id);
CREATE INDEX session_user ON sessions (user_id, id);
CREATE INDEX access_token_session ON access_tokens (session_id);
CREATE INDEX access_token_expiry ON access_tokens (expires_at);
CREATE INDEX refresh_token_session ON refresh_tokens (session_id, generation, id);
CREATE INDEX code_user ON codes (user_id);
CREATE INDEX code_expiry ON codes (expires_at);
CREATE INDEX device_user ON "device_codes" (user_id);
CREATE INDEX device_expiry ON "device_codes" (expires_at);
CREATE INDEX reset_link_user ON reset_links (user_id);
CREATE INDEX reset_link_expiry ON reset_links (expires_at);
CREATE INDEX remembered_at ON remembered (at);
CREATE INDEX devices_user ON devices (user_id, id) WHERE session_id IS NOT NULL;
CREATE UNIQUE INDEX gateway_name ON gateways (name) WHERE removed = 0;
CREATE INDEX gateway_network ON gateways (network_id) WHERE removed = 0;
CREATE INDEX connection_use ON connections (user_id, resource_id, started_at);
CREATE INDEX session_end ON sessions (ends_at);
CREATE INDEX known_browser_user ON known_browsers (user_id);
CREATE INDEX known_browser_at ON known_browsers (at);
CREATE INDEX notice_of_review ON notices (user_id, resource_id, requester_id)
    WHERE requester_id IS NOT NULL;
CREATE INDEX notice_again ON notices (again_at) WHERE again_at IS NOT NULL;
COMMIT;
