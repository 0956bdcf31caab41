select event_id, click_coordinates
from {{ ref('stg_clickstream_events') }}
where click_coordinates['x'] not between 0 and 3840
   or click_coordinates['y'] not between 0 and 2160
