-- The kinds of events of a product are part of its events.
select *
from {{ ref('product_performance') }}
where total_events < total_views + cart_adds + purchases
