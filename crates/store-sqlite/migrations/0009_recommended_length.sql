-- The length that is preselected where the requester chooses.
ALTER TABLE resources ADD COLUMN recommended_seconds INTEGER
    CHECK (recommended_seconds BETWEEN 60 AND period_seconds);
ALTER TABLE assignments ADD COLUMN recommended_seconds INTEGER
    CHECK (recommended_seconds BETWEEN 60 AND period_seconds);
