-- The lowest max.message.bytes of a topic that a run with dead letters has seen; 0: none has.
ALTER TABLE topic ADD COLUMN lowest INTEGER NOT NULL DEFAULT 0;
