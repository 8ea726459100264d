-- What the other side said of the last failure, apart from the sentence that tells it.
ALTER TABLE task ADD COLUMN error_said TEXT NOT NULL DEFAULT '';
