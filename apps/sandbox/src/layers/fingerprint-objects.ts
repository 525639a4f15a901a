/**
 * What a database is made of, without its rows: one statement for each kind of object, giving (kind, name, definition)
 * for PostgreSQL 13 to 18. Object ids, files and times of creation are no part of it. What an extension brought is said
 * by the extension.
 */

export type ObjectQuery = { sql: string; since?: number };

/** Objects made after initdb, and of no extension. */
const ours = (oid: string, catalog: string) =>
  `${oid} >= 16384 and not exists (select from pg_depend where classid = '${catalog}'::regclass
    and objid = ${oid} and deptype = 'e')`;
const owner = (column: string) => `' owner ' || pg_get_userbyid(${column})`;
/** Privileges, in an order that does not hang on that of the grants. */
const acl = (column: string) =>
  `coalesce(' acl ' || (select string_agg(a::text, ',' order by a::text collate "C") from unnest(${column}) as a), '')`;
const list = (options: string) =>
  `coalesce(' with ' || (select string_agg(o, ',' order by o collate "C") from unnest(${options}) as o), '')`;
const named = (schema: string, name: string) =>
  `quote_ident(${schema}) || '.' || quote_ident(${name})`;

const SCHEMAS = `
  select 'schema' as kind, quote_ident(nspname) as name, ${owner("nspowner")} || ${acl("nspacl")} as definition
  from pg_namespace where (nspname = 'public' or ${ours("oid", "pg_namespace")})
    and nspname !~ '^pg_(toast_)?temp_'`;

const RELATIONS = `
  select case c.relkind when 'v' then 'view' when 'm' then 'materialized view' when 'f' then 'foreign table'
      when 'S' then 'sequence' when 'c' then 'type' else 'table' end as kind,
    ${named("n.nspname", "c.relname")} as name,
    concat_ws(E'\\n',
      case when c.relkind in ('v', 'm') then pg_get_viewdef(c.oid) end,
      (select string_agg(concat_ws(' ', quote_ident(a.attname), format_type(a.atttypid, a.atttypmod),
          case when a.attcollation <> t.typcollation then 'collate ' || a.attcollation::regcollation::text end,
          case when a.attnotnull then 'not null' end,
          case when a.attgenerated <> '' then 'generated ' || a.attgenerated::text else 'default' end
            || ' ' || pg_get_expr(d.adbin, d.adrelid),
          nullif('identity ' || a.attidentity::text, 'identity '), 'storage ' || a.attstorage::text,
          nullif(${acl("a.attacl")}, ''), nullif(${list("a.attoptions")}, '')), E',\\n' order by a.attnum)
        from pg_attribute as a join pg_type as t on t.oid = a.atttypid
        left join pg_attrdef as d on d.adrelid = a.attrelid and d.adnum = a.attnum
        where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and c.relkind <> 'S'),
      (select string_agg('inherits ' || i.inhparent::regclass::text, ', ' order by i.inhseqno)
        from pg_inherits as i where i.inhrelid = c.oid),
      'partition by ' || pg_get_partkeydef(c.oid), pg_get_expr(c.relpartbound, c.oid),
      (select format('%s start %s by %s from %s to %s cache %s%s', s.seqtypid::regtype, s.seqstart, s.seqincrement,
          s.seqmin, s.seqmax, s.seqcache, case when s.seqcycle then ' cycle' end)
        from pg_sequence as s where s.seqrelid = c.oid),
      case c.relpersistence when 'u' then 'unlogged' end,
      case when c.relrowsecurity then 'row security' end, case when c.relforcerowsecurity then 'forced' end,
      case when c.relreplident <> 'd' and c.relkind in ('r', 'p') then 'replica identity ' || c.relreplident::text end,
      nullif(${list("c.reloptions")}, ''), ${owner("c.relowner")}, nullif(${acl("c.relacl")}, '')) as definition
  from pg_class as c join pg_namespace as n on n.oid = c.relnamespace
  where c.relkind in ('r', 'p', 'v', 'm', 'f', 'S', 'c') and c.relpersistence <> 't' and ${ours("c.oid", "pg_class")}
    and n.nspname !~ '^pg_toast'`;

const INDEXES = `
  select 'index' as kind, ${named("n.nspname", "c.relname")} as name,
    concat_ws(' ', pg_get_indexdef(i.indexrelid), case when not i.indisvalid then 'invalid' end,
      case when i.indisclustered then 'clustered' end, case when i.indisreplident then 'replica identity' end) as definition
  from pg_index as i join pg_class as c on c.oid = i.indexrelid join pg_namespace as n on n.oid = c.relnamespace
  where ${ours("i.indrelid", "pg_class")} and c.relpersistence <> 't' and n.nspname !~ '^pg_toast'`;

const CONSTRAINTS = `
  select 'constraint' as kind,
    coalesce(nullif(k.conrelid, 0)::regclass::text, k.contypid::regtype::text) || '.' || quote_ident(k.conname) as name,
    concat_ws(' ', pg_get_constraintdef(k.oid), case when not k.convalidated then 'not valid' end) as definition
  from pg_constraint as k
  where ${ours("k.oid", "pg_constraint")} and k.contype <> 't'
    and not exists (select from pg_class where pg_class.oid = k.conrelid and relpersistence = 't')`;

const TRIGGERS = `
  select 'trigger' as kind, tgrelid::regclass::text || '.' || quote_ident(tgname) as name,
    pg_get_triggerdef(oid) || ' enabled ' || tgenabled::text as definition
  from pg_trigger where not tgisinternal and ${ours("oid", "pg_trigger")}`;

const RULES = `
  select 'rule' as kind, ev_class::regclass::text || '.' || quote_ident(rulename) as name,
    pg_get_ruledef(oid) || ' enabled ' || ev_enabled::text as definition
  from pg_rewrite where rulename <> '_RETURN' and ${ours("oid", "pg_rewrite")}`;

const POLICIES = `
  select 'policy' as kind, polrelid::regclass::text || '.' || quote_ident(polname) as name,
    concat_ws(' ', case when polpermissive then 'permissive' else 'restrictive' end, 'for', polcmd::text, 'to',
      (select string_agg(case when r = 0 then 'public' else pg_get_userbyid(r)::text end, ',' order by 1)
        from unnest(polroles) as r),
      'using ' || pg_get_expr(polqual, polrelid), 'check ' || pg_get_expr(polwithcheck, polrelid)) as definition
  from pg_policy`;

const FUNCTIONS = `
  select case p.prokind when 'p' then 'procedure' when 'a' then 'aggregate' else 'function' end as kind,
    ${named("n.nspname", "p.proname")} || '(' || pg_get_function_identity_arguments(p.oid) || ')' as name,
    case when p.prokind = 'a' then (select concat_ws(' ', a.aggtransfn::text, a.aggfinalfn::text, a.aggtranstype::regtype::text,
        a.agginitval) from pg_aggregate as a where a.aggfnoid = p.oid)
      else pg_get_functiondef(p.oid) end || ${owner("p.proowner")} || ${acl("p.proacl")} as definition
  from pg_proc as p join pg_namespace as n on n.oid = p.pronamespace where ${ours("p.oid", "pg_proc")}`;

const TYPES = `
  select case t.typtype when 'd' then 'domain' when 'e' then 'enum' when 'r' then 'range' else 'type' end as kind,
    ${named("n.nspname", "t.typname")} as name,
    concat_ws(' ', (select string_agg(quote_literal(e.enumlabel), ',' order by e.enumsortorder)
        from pg_enum as e where e.enumtypid = t.oid),
      case when t.typtype = 'd' then format_type(t.typbasetype, t.typtypmod) end,
      case when t.typnotnull then 'not null' end, 'default ' || t.typdefault,
      (select r.rngsubtype::regtype::text from pg_range as r where r.rngtypid = t.oid),
      case when t.typtype = 'b' then t.typinput::text || ' ' || t.typoutput::text end,
      ${owner("t.typowner")}, nullif(${acl("t.typacl")}, '')) as definition
  from pg_type as t join pg_namespace as n on n.oid = t.typnamespace
  where t.typtype in ('d', 'e', 'r', 'b') and t.typcategory <> 'A' and ${ours("t.oid", "pg_type")}`;

const OPERATORS = `
  select 'operator' as kind, ${named("n.nspname", "o.oprname")} || '(' || o.oprleft::regtype::text || ','
      || o.oprright::regtype::text || ')' as name,
    concat_ws(' ', o.oprcode::text, o.oprrest::text, o.oprjoin::text, o.oprcanhash::text, o.oprcanmerge::text,
      ${owner("o.oprowner")}) as definition
  from pg_operator as o join pg_namespace as n on n.oid = o.oprnamespace where ${ours("o.oid", "pg_operator")}`;

const CASTS = `
  select 'cast' as kind, castsource::regtype::text || ' as ' || casttarget::regtype::text as name,
    concat_ws(' ', castcontext::text, castmethod::text, nullif(castfunc, 0)::regprocedure::text) as definition
  from pg_cast where ${ours("oid", "pg_cast")}`;

const EXTENSIONS = `
  select 'extension' as kind, quote_ident(extname) as name,
    extversion || ' in ' || extnamespace::regnamespace::text || ${owner("extowner")} as definition
  from pg_extension`;

const STATISTICS = `
  select 'statistics' as kind, ${named("n.nspname", "s.stxname")} as name,
    pg_get_statisticsobjdef(s.oid) || ${owner("s.stxowner")} as definition
  from pg_statistic_ext as s join pg_namespace as n on n.oid = s.stxnamespace`;

const DEFAULT_PRIVILEGES = `
  select 'default privileges' as kind, concat_ws(' ', pg_get_userbyid(defaclrole),
      nullif(defaclnamespace, 0)::regnamespace::text, defaclobjtype::text) as name, ${acl("defaclacl")} as definition
  from pg_default_acl`;

const EVENT_TRIGGERS = `
  select 'event trigger' as kind, quote_ident(evtname) as name,
    concat_ws(' ', evtevent, evtfoid::regprocedure::text, evtenabled::text, evttags::text) as definition
  from pg_event_trigger where ${ours("oid", "pg_event_trigger")}`;

const PUBLICATIONS = `
  select 'publication' as kind, quote_ident(p.pubname) as name,
    concat_ws(' ', p.puballtables::text, p.pubinsert::text, p.pubupdate::text, p.pubdelete::text, p.pubtruncate::text,
      (select string_agg(r.prrelid::regclass::text, ',' order by r.prrelid::regclass::text)
        from pg_publication_rel as r where r.prpubid = p.oid), ${owner("p.pubowner")}) as definition
  from pg_publication as p`;

const FOREIGN = `
  select 'foreign server' as kind, quote_ident(s.srvname) as name,
    concat_ws(' ', w.fdwname, s.srvtype, s.srvversion, nullif(${list("s.srvoptions")}, ''), ${owner("s.srvowner")},
      nullif(${acl("s.srvacl")}, '')) as definition
  from pg_foreign_server as s join pg_foreign_data_wrapper as w on w.oid = s.srvfdw`;

const SEARCH_AND_COLLATION = `
  select 'collation' as kind, ${named("n.nspname", "c.collname")} as name,
    concat_ws(' ', c.collprovider::text, c.collcollate, c.collctype, c.collisdeterministic::text, ${owner("c.collowner")}) as definition
  from pg_collation as c join pg_namespace as n on n.oid = c.collnamespace where ${ours("c.oid", "pg_collation")}
  union all
  select 'text search configuration', ${named("n.nspname", "c.cfgname")},
    (select string_agg(m.maptokentype || ':' || m.mapdict::regdictionary::text, ',' order by m.maptokentype, m.mapseqno)
      from pg_ts_config_map as m where m.mapcfg = c.oid) || ${owner("c.cfgowner")}
  from pg_ts_config as c join pg_namespace as n on n.oid = c.cfgnamespace where ${ours("c.oid", "pg_ts_config")}
  union all
  select 'text search dictionary', ${named("n.nspname", "d.dictname")}, concat_ws(' ', d.dictinitoption, ${owner("d.dictowner")})
  from pg_ts_dict as d join pg_namespace as n on n.oid = d.dictnamespace where ${ours("d.oid", "pg_ts_dict")}`;

const COMMENTS = `
  select 'comment' as kind, i.type || ' ' || i.identity as name, d.description as definition
  from pg_description as d, pg_identify_object(d.classoid, d.objoid, d.objsubid) as i
  where d.objoid >= 16384 or d.classoid = 'pg_namespace'::regclass and d.objoid = 'public'::regnamespace`;

const LARGE_OBJECTS = `
  select 'large objects' as kind, pg_get_userbyid(lomowner)::text as name, count(*)::text as definition
  from pg_largeobject_metadata group by lomowner`;

const SEQUENCE_KINDS = `
  select 'sequence owner' as kind, d.objid::regclass::text as name,
    d.refobjid::regclass::text || '.' || quote_ident(a.attname) as definition
  from pg_depend as d join pg_class as c on c.oid = d.objid and c.relkind = 'S'
  join pg_attribute as a on a.attrelid = d.refobjid and a.attnum = d.refobjsubid
  where d.classid = 'pg_class'::regclass and d.refclassid = 'pg_class'::regclass and d.deptype in ('a', 'i')`;

/** What each database is asked. */
export const DATABASE_OBJECTS: readonly string[] = [
  SCHEMAS,
  RELATIONS,
  INDEXES,
  CONSTRAINTS,
  TRIGGERS,
  RULES,
  POLICIES,
  FUNCTIONS,
  TYPES,
  OPERATORS,
  CASTS,
  EXTENSIONS,
  STATISTICS,
  DEFAULT_PRIVILEGES,
  EVENT_TRIGGERS,
  PUBLICATIONS,
  FOREIGN,
  SEARCH_AND_COLLATION,
  COMMENTS,
  LARGE_OBJECTS,
  SEQUENCE_KINDS,
];

/** Settings that say where an instance is, and not what its state is. */
const PLACES =
  "'port', 'unix_socket_directories', 'listen_addresses', 'data_directory', 'hba_file', 'ident_file', 'config_file', 'external_pid_file', 'cluster_name'";

/** What the whole server is asked, in any of its databases. */
export const CLUSTER_OBJECTS: readonly string[] = [
  `select 'role' as kind, quote_ident(rolname) as name, concat_ws(' ', case when rolsuper then 'superuser' end,
      case when rolinherit then 'inherit' end, case when rolcreaterole then 'createrole' end,
      case when rolcreatedb then 'createdb' end, case when rolcanlogin then 'login' end,
      case when rolreplication then 'replication' end, case when rolbypassrls then 'bypassrls' end,
      'limit ' || nullif(rolconnlimit, -1), 'until ' || rolvaliduntil) as definition
    from pg_roles where oid >= 16384`,
  `select 'membership' as kind, pg_get_userbyid(member) || ' in ' || pg_get_userbyid(roleid) as name,
      string_agg(case when admin_option then 'admin' else '' end, ',' order by admin_option) as definition
    from pg_auth_members where member >= 16384 group by member, roleid`,
  `select 'setting' as kind, concat_ws(' in ', nullif(pg_get_userbyid(nullif(s.setrole, 0)), ''),
      (select 'database ' || quote_ident(datname) from pg_database where oid = s.setdatabase)) || ' ' || split_part(c, '=', 1) as name,
      substr(c, strpos(c, '=') + 1) as definition
    from pg_db_role_setting as s, unnest(s.setconfig) as c`,
  `select 'setting' as kind, 'server ' || name as name, setting as definition
    from pg_settings where source = 'configuration file' and name not in (${PLACES}) and name !~ '^(log_|logging_)'`,
  `select 'database' as kind, quote_ident(datname) as name, concat_ws(' ', pg_encoding_to_char(encoding), datcollate, datctype,
      case when datistemplate then 'template' end, case when not datallowconn then 'closed' end,
      'limit ' || nullif(datconnlimit, -1), ${owner("datdba")}, nullif(${acl("datacl")}, '')) as definition
    from pg_database`,
  `select 'comment' as kind, i.type || ' ' || i.identity as name, d.description as definition
    from pg_shdescription as d, pg_identify_object(d.classoid, d.objoid, 0) as i where d.objoid >= 16384`,
];

/** Tables and materialized views whose rows count, in the order of their names. */
export const ROW_SOURCES = `
  select quote_ident(n.nspname) as schema, quote_ident(c.relname) as name
  from pg_class as c join pg_namespace as n on n.oid = c.relnamespace
  where c.relkind in ('r', 'm') and c.relpersistence <> 't' and c.oid >= 16384
    and (c.relkind = 'r' or c.relispopulated) and n.nspname !~ '^pg_toast'
  order by n.nspname collate "C", c.relname collate "C"`;

export const SEQUENCES = `
  select quote_ident(n.nspname) || '.' || quote_ident(c.relname) as name
  from pg_class as c join pg_namespace as n on n.oid = c.relnamespace
  where c.relkind = 'S' and c.relpersistence <> 't' and c.oid >= 16384 order by 1`;
