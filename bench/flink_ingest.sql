-- The backlog of a topic into an Iceberg table by Flink SQL; @NAMES@ are filled in by bench.py.
SET 'execution.checkpointing.interval' = '10 s';
SET 'table.dml-sync' = 'true';
SET 'table.exec.iceberg.use-v2-sink' = '@V2_SINK@';
CREATE CATALOG lake WITH ('type' = 'iceberg', 'catalog-type' = 'hadoop', 'warehouse' = 'file://@WAREHOUSE@');
CREATE DATABASE IF NOT EXISTS lake.web;
CREATE TABLE lake.web.events (event_id STRING, user_id STRING, session_id STRING, event_type STRING, product_id STRING, `timestamp` TIMESTAMP(6),
  page_url STRING, user_agent STRING, ip_address STRING, device_type STRING, browser STRING, os STRING, country STRING, referrer STRING,
  screen_resolution STRING, time_on_page INT, scroll_depth INT, click_coordinates MAP<STRING, INT>, `date` DATE) PARTITIONED BY (`date`);
CREATE TEMPORARY TABLE source (event_id STRING, user_id STRING, session_id STRING, event_type STRING, product_id STRING, `timestamp` TIMESTAMP(6),
  page_url STRING, user_agent STRING, ip_address STRING, device_type STRING, browser STRING, os STRING, country STRING, referrer STRING,
  screen_resolution STRING, time_on_page INT, scroll_depth INT, click_coordinates MAP<STRING, INT>) WITH ('connector' = 'kafka',
  'topic' = 'clickstream-events', 'properties.bootstrap.servers' = '@BOOTSTRAP@', 'properties.group.id' = 'bench', 'scan.startup.mode' = 'earliest-offset',
  'scan.bounded.mode' = 'latest-offset', 'format' = 'json', 'json.ignore-parse-errors' = 'true', 'json.timestamp-format.standard' = 'ISO-8601');
INSERT INTO lake.web.events SELECT *, CAST(`timestamp` AS DATE) FROM source WHERE event_id IS NOT NULL AND `timestamp` IS NOT NULL;
