{#- Rows outside low..high; NULL is no value and passes. -#}
{% test in_range(model, column_name, low, high) %}
select * from {{ model }} where {{ column_name }} not between {{ low }} and {{ high }}
{% endtest %}
