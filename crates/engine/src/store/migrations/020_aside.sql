ALTER TABLE activity ADD COLUMN aside INTEGER NOT NULL DEFAULT 0;
CREATE INDEX activity_aside ON activity (aside) WHERE aside = 1;
