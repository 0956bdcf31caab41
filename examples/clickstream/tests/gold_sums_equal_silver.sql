-- Every silver row is counted once: events and purchases of a date are the same on both sides.
with silver as (
  select date, count(*) as events, count(*) filter (event_type = 'purchase') as purchases
  from {{ source('clickstream', 'clickstream_events_delta') }}
  group by date
),

gold as (
  select date, sum(total_events) as events, sum(purchases) as purchases
  from {{ ref('daily_user_activity') }}
  group by date
)

select date, silver.events as silver_events, gold.events as gold_events, silver.purchases as silver_purchases, gold.purchases as gold_purchases
from silver full join gold using (date)
where silver.events is distinct from gold.events
   or silver.purchases is distinct from gold.purchases
