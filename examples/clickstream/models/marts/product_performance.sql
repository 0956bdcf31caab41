{{ config(materialized='incremental', incremental_strategy='insert_overwrite', partition_by='date') }}
-- The tests of silver come first: depends_on: {{ ref('stg_clickstream_events') }}

select
  date,
  product_id,
  count(*) as total_events,
  count(*) filter (event_type = 'product_view') as total_views,
  count(*) filter (event_type = 'add_to_cart') as cart_adds,
  count(*) filter (event_type = 'purchase') as purchases,
  count(distinct user_id) as unique_users,
  avg(time_on_page) as avg_time_on_page
from {{ source('clickstream', 'clickstream_events_delta') }}
where product_id is not null
{% if is_incremental() %}
  and date in ({{ touched_dates() }})
{% endif %}
group by date, product_id
