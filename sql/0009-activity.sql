-- Figures over time read one range of an index that has all they need.
CREATE INDEX jobs_ended ON jobs (ended, kind, state);
CREATE INDEX connections_ended ON connections (ended, first_used, user_id);
