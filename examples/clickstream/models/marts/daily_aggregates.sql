{{ config(materialized='incremental', incremental_strategy='insert_overwrite', partition_by='date') }}
-- The tests of silver come first: depends_on: {{ ref('stg_clickstream_events') }}

select
  date,
  event_type,
  count(*) as event_count,
  count(distinct user_id) as unique_users,
  count(distinct session_id) as sessions
from {{ source('clickstream', 'clickstream_events_delta') }}
{% if is_incremental() %}
where date in ({{ touched_dates() }})
{% endif %}
group by date, event_type
