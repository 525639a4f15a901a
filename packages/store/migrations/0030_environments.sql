create table environments (
  env_key bytea primary key check (octet_length(env_key) = 32),
  asked   jsonb not null
);
comment on table environments is 'What a key of an environment stands for, so that a state can be used whose files nobody sends any more.';
