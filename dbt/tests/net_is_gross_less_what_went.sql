{%- set marts = ['fct_payments', 'revenue_daily', 'metrics_monthly', 'metrics_monthly_by_segment'] -%}

{%- for mart in marts %}
select '{{ mart }}' as mart, company_id, gross_usd, refunded_usd, charged_back_usd, fees_usd, net_usd
from {{ ref(mart) }}
where
    coalesce(gross_usd, 0) - coalesce(refunded_usd, 0) - coalesce(charged_back_usd, 0) - coalesce(fees_usd, 0)
    <> net_usd
{%- if not loop.last %}
union all
{%- endif %}
{%- endfor %}
