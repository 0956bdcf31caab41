-- An event happened before it was processed; clocks may differ by five minutes.
-- depends_on: {{ ref('stg_clickstream_events') }}
select event_id, "timestamp", processing_timestamp
from {{ source('clickstream', 'clickstream_events_delta') }}
where "timestamp" is null
   or "timestamp" > processing_timestamp + interval 5 minutes
