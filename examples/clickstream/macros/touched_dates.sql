{#- The dates that an incremental build recomputes, as a list for IN: those of the back-fill when start_date or end_date is set,
    else those that new rows of silver have touched. -#}
{% macro touched_dates() -%}
  {{ changed_partitions(source('clickstream', 'clickstream_events_delta'), since=var('start_date', none), until=var('end_date', none)) }}
{%- endmacro %}
