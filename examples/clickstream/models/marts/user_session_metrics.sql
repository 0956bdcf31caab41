{{ config(materialized='view') }}

select
  user_id,
  session_id,
  min("timestamp") as session_start,
  max("timestamp") as session_end,
  count(*) as total_events,
  count(distinct product_id) as products_viewed,
  count(*) filter (event_type = 'purchase') as purchases
from {{ ref('stg_clickstream_events') }}
group by user_id, session_id
