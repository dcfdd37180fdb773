{{ config(**by_change('members', 'member_id')) }}
with changes as (
    select
        company_id,
        member_id,
        change_date,
        sum(change_usd) as mrr_change_usd
    from {{ changed_rows(ref('int_mrr_changes'), 'members', 'member_id') }} as changes
    group by company_id, member_id, change_date
    having sum(change_usd) <> 0
),

running as (
    select
        company_id,
        member_id,
        change_date,
        mrr_change_usd,
        sum(mrr_change_usd) over (
            partition by member_id, company_id order by change_date
            rows between unbounded preceding and current row
        ) as mrr_after_usd,
        row_number() over (partition by member_id, company_id order by change_date) as place
    from changes
),

typed as (
    select
        company_id,
        member_id,
        change_date as movement_date,
        case
            -- The first change of a member can only be up from nothing.
            when place = 1 then 'new'
            when mrr_after_usd = mrr_change_usd then 'reactivation'
            when mrr_after_usd = 0 then 'churn'
            when mrr_change_usd > 0 then 'expansion'
            else 'contraction'
        end as movement_type,
        cast(mrr_after_usd - mrr_change_usd as decimal(38, 6)) as mrr_before_usd,
        cast(mrr_after_usd as decimal(38, 6)) as mrr_after_usd,
        cast(mrr_change_usd as decimal(38, 6)) as mrr_change_usd
    from running
),

ends as (
    select
        company_id,
        member_id,
        end_date,
        membership_id,
        churn_type,
        churn_reason,
        row_number() over (
            partition by member_id, end_date, company_id
            order by period_end desc, mrr_usd desc, {{ by_bytes('membership_id') }}
        ) as place
    from {{ changed_rows(ref('int_subscription_ends'), 'members', 'member_id') }} as ends
    where mrr_usd > 0
)

select
    typed.company_id,
    typed.member_id,
    typed.movement_date,
    typed.movement_type,
    typed.mrr_before_usd,
    typed.mrr_after_usd,
    typed.mrr_change_usd,
    case when typed.movement_type = 'churn' then ends.membership_id end as churned_membership_id,
    case when typed.movement_type = 'churn' then coalesce(ends.churn_type, 'lapsed') end as churn_type,
    case
        when typed.movement_type = 'churn' then coalesce(ends.churn_reason, 'not_renewed')
    end as churn_reason
from typed
left join ends
    on typed.company_id = ends.company_id
    and typed.member_id = ends.member_id
    and typed.movement_date = ends.end_date
    and ends.place = 1
