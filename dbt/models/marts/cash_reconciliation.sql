with lines as (
    select company_id, currency, month, component, amount
    from {{ ref('ledger') }}
),

spans as (
    select
        lines.company_id,
        lines.currency,
        min(lines.month) as first_month,
        {{ month_of('as_of.as_of_date') }} as last_month
    from lines
    inner join {{ ref('int_as_of') }} as as_of on lines.company_id = as_of.company_id
    group by lines.company_id, lines.currency, as_of.as_of_date
),

months as (
    select
        company_id,
        currency,
        {{ each('month', 'first_month', 'last_month') }} as month
    from spans
),

per_month as (
    select
        months.company_id,
        months.currency,
        months.month,
        {%- for component in ledger_components() %}
        sum(case when lines.component = '{{ component }}' then lines.amount else 0 end) as {{ component }}_amount,
        {%- endfor %}
        coalesce(sum(lines.amount), 0) as amount
    from months
    left join lines
        on months.company_id = lines.company_id
        and months.currency = lines.currency
        and months.month = lines.month
    group by months.company_id, months.currency, months.month
),

compared as (
    select
        company_id,
        currency,
        month,
        sum(ledger_amount) as ledger_amount,
        sum(our_amount) as our_amount
    from {{ ref('int_cash_sides') }}
    group by company_id, currency, month
),

named as (
    select
        company_id,
        currency,
        month,
        sum(difference) as difference,
        count(*) as differences
    from {{ ref('cash_differences') }}
    group by company_id, currency, month
),

observed as (
    select
        balances.company_id,
        balances.currency,
        {{ month_of(local_date('balances.observed_at')) }} as month,
        balances.observed_at,
        balances.balance,
        row_number() over (
            partition by balances.company_id, balances.currency, {{ month_of(local_date('balances.observed_at')) }}
            order by balances.observed_at desc, {{ by_bytes('balances.account_balance_id') }}
        ) as place
    from {{ ref('stg_whop__account_balances') }} as balances
    inner join {{ ref('int_as_of') }} as as_of on balances.company_id = as_of.company_id
    where balances.observed_at <= as_of.as_of
),

balances as (
    select
        observed.company_id,
        observed.currency,
        observed.month,
        observed.observed_at,
        observed.balance,
        coalesce(sum(ledger.amount), 0) as ledger_balance
    from observed
    left join {{ ref('ledger') }} as ledger
        on observed.company_id = ledger.company_id
        and observed.currency = ledger.currency
        and ledger.posted_at <= observed.observed_at
    where observed.place = 1
    group by observed.company_id, observed.currency, observed.month, observed.observed_at, observed.balance
),

running as (
    select
        per_month.*,
        sum(amount) over (
            partition by company_id, currency order by month rows between unbounded preceding and current row
        ) as closing_amount
    from per_month
)

select
    running.company_id,
    running.month,
    running.currency,
    cast(running.closing_amount - running.amount as decimal(38, 9)) as opening_amount,
    {%- for component in ledger_components() %}
    cast(running.{{ component }}_amount as decimal(38, 9)) as {{ component }}_amount,
    {%- endfor %}
    cast(running.closing_amount as decimal(38, 9)) as closing_amount,
    cast(coalesce(compared.ledger_amount, 0) as decimal(38, 9)) as compared_ledger_amount,
    cast(coalesce(compared.our_amount, 0) as decimal(38, 9)) as compared_our_amount,
    cast(coalesce(compared.ledger_amount, 0) - coalesce(compared.our_amount, 0) as decimal(38, 9)) as difference,
    cast(coalesce(named.difference, 0) as decimal(38, 9)) as named_difference,
    cast(coalesce(named.differences, 0) as bigint) as differences,
    balances.observed_at as balance_observed_at,
    cast(balances.balance as decimal(38, 9)) as whop_balance,
    cast(balances.ledger_balance - balances.balance as decimal(38, 9)) as balance_difference,
    coalesce(named.differences, 0) = 0 and coalesce(balances.ledger_balance = balances.balance, true) as ties
from running
left join compared
    on running.company_id = compared.company_id
    and running.currency = compared.currency
    and running.month = compared.month
left join named
    on running.company_id = named.company_id
    and running.currency = named.currency
    and running.month = named.month
left join balances
    on running.company_id = balances.company_id
    and running.currency = balances.currency
    and running.month = balances.month
