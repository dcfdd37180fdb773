-- Both begin at the MRR of now, none grows, and what is expected is never more than what is committed.
with now as (
    select company_id, sum(mrr_usd) as mrr_usd
    from {{ ref('fct_subscriptions') }}
    group by company_id
),

followed as (
    select
        committed.*,
        lag(committed_usd) over (partition by company_id order by months_ahead) as committed_before_usd,
        lag(expected_usd) over (partition by company_id order by months_ahead) as expected_before_usd
    from {{ ref('committed_mrr_monthly') }} as committed
)

select followed.company_id, followed.months_ahead, followed.committed_usd, followed.expected_usd
from followed
left join now on followed.company_id = now.company_id
where
    (
        followed.months_ahead = 0
        and (followed.committed_usd <> coalesce(now.mrr_usd, 0) or followed.expected_usd <> coalesce(now.mrr_usd, 0))
    )
    or followed.expected_usd > followed.committed_usd + 0.00001
    or followed.committed_usd > followed.committed_before_usd
    or followed.expected_usd > followed.expected_before_usd + 0.00001
