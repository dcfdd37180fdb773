{#- Comes after all that tells of closed months: a build that does not get here has told nothing. -#}
-- depends_on: {{ ref('restatements') }}
-- depends_on: {{ ref('restatement_causes') }}
-- depends_on: {{ ref('mrr_monthly') }}
-- depends_on: {{ ref('metrics_monthly') }}
{{ config(materialized='incremental', full_refresh=false, on_schema_change='append_new_columns') }}

select
    builds.company_id,
    builds.build_number,
    builds.reported_at,
    builds.last_synced_at,
    builds.closed_through,
    builds.rules,
    builds.settings,
    builds.given_plans
from {{ ref('int_builds') }} as builds
{%- if is_incremental() %}
left join {{ this }} as told
    on builds.company_id = told.company_id and builds.build_number = told.build_number
where builds.is_newest and told.build_number is null
{%- else %}
where builds.is_newest
{%- endif %}
