{{ config(materialized='incremental', incremental_strategy='insert_overwrite', partition_by='date') }}
-- The tests of silver come first: depends_on: {{ ref('stg_clickstream_events') }}

select
  date,
  user_id,
  count(*) as total_events,
  count(distinct session_id) as sessions,
  count(distinct product_id) as products_viewed,
  count(*) filter (event_type = 'purchase') as purchases,
  avg(time_on_page) as avg_time_on_page
from {{ source('clickstream', 'clickstream_events_delta') }}
{% if is_incremental() %}
where date in ({{ touched_dates() }})
{% endif %}
group by date, user_id
