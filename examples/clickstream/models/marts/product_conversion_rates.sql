{{ config(materialized='view') }}

select
  product_id,
  count(*) filter (event_type = 'product_view') as total_views,
  count(distinct user_id) as unique_users,
  count(*) filter (event_type = 'purchase') as purchases,
  case when count(*) filter (event_type = 'product_view') = 0 then 0.0
       else round(100.0 * count(*) filter (event_type = 'purchase') / count(*) filter (event_type = 'product_view'), 2)
  end::double as conversion_rate
from {{ ref('stg_clickstream_events') }}
where product_id is not null
group by product_id
