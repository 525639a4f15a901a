-- SQL that never ran may be explained, too: an explain without a source.
alter table runs drop constraint runs_source_check;
alter table runs add constraint runs_source_check check (
  case kind
    when 'explain' then true
    when 'result_view' then source_run_id is not null
    when 'result_statistics' then source_run_id is not null
    when 'result_comparison' then source_run_id is not null
    else source_run_id is null
  end);
