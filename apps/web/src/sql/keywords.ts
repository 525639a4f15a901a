/** Words of PostgreSQL that people write, in the order of the alphabet. */
export const KEYWORDS: readonly string[] =
  `add all alter analyze and any as asc begin between by case cast check coalesce column commit constraint create cross
  current_date current_timestamp default delete desc distinct drop else end except exists explain false fetch filter
  first for foreign from full group having ilike in index inner insert intersect interval into is join key last lateral
  left like limit materialized natural not null nulls offset on or order outer over partition primary recursive
  references returning right rollback rows select set similar table then to true truncate union unique update using
  values view when where window with within`.split(/\s+/);

/** Functions of PostgreSQL that people look for, each with its arguments and result. */
export const FUNCTIONS: readonly (readonly [string, string])[] = `
abs(numeric) → numeric
age(timestamp, timestamp) → interval
array_agg(value) → array
array_length(array, dimension) → int
array_to_string(array, separator) → text
avg(numeric) → numeric
bool_and(bool) → bool
bool_or(bool) → bool
btrim(text, characters) → text
ceil(numeric) → numeric
char_length(text) → int
concat(values…) → text
concat_ws(separator, values…) → text
corr(y, x) → float8
count(*) → int8
cume_dist() → float8
date_bin(stride, source, origin) → timestamp
date_part(field, source) → float8
date_trunc(field, source) → timestamp
dense_rank() → int8
exp(numeric) → numeric
extract(field from source) → numeric
first_value(value) → value
floor(numeric) → numeric
format(pattern, values…) → text
gen_random_uuid() → uuid
generate_series(start, stop, step) → rows
greatest(values…) → value
initcap(text) → text
json_agg(value) → json
json_array_elements(json) → rows
json_build_object(key, value…) → json
jsonb_agg(value) → jsonb
jsonb_array_elements(jsonb) → rows
jsonb_build_object(key, value…) → jsonb
jsonb_each(jsonb) → rows
jsonb_object_keys(jsonb) → rows
jsonb_path_query(jsonb, path) → rows
lag(value, offset, default) → value
last_value(value) → value
lead(value, offset, default) → value
least(values…) → value
left(text, n) → text
length(text) → int
ln(numeric) → numeric
log(numeric) → numeric
lower(text) → text
lpad(text, length, fill) → text
ltrim(text, characters) → text
make_date(year, month, day) → date
max(value) → value
md5(text) → text
min(value) → value
mod(a, b) → numeric
mode() within group (order by value) → value
now() → timestamptz
nth_value(value, n) → value
ntile(buckets) → int
nullif(a, b) → value
percent_rank() → float8
percentile_cont(fraction) within group (order by value) → float8
percentile_disc(fraction) within group (order by value) → value
position(substring in text) → int
power(a, b) → numeric
random() → float8
rank() → int8
regexp_matches(text, pattern) → rows
regexp_replace(text, pattern, replacement, flags) → text
regexp_split_to_table(text, pattern) → rows
repeat(text, n) → text
replace(text, from, to) → text
reverse(text) → text
right(text, n) → text
round(numeric, digits) → numeric
row_number() → int8
row_to_json(row) → json
rpad(text, length, fill) → text
rtrim(text, characters) → text
sign(numeric) → numeric
split_part(text, separator, n) → text
sqrt(numeric) → numeric
starts_with(text, prefix) → bool
stddev(numeric) → numeric
string_agg(text, separator) → text
string_to_array(text, separator) → array
strpos(text, substring) → int
substring(text from start for count) → text
sum(numeric) → numeric
to_char(value, format) → text
to_date(text, format) → date
to_jsonb(value) → jsonb
to_timestamp(seconds) → timestamptz
translate(text, from, to) → text
trim(text) → text
trunc(numeric, digits) → numeric
unnest(array) → rows
upper(text) → text
variance(numeric) → numeric
width_bucket(value, low, high, count) → int
`
  .trim()
  .split("\n")
  .map((line) => {
    const open = line.indexOf("(");
    return [line.slice(0, open), line.slice(open)] as const;
  });
