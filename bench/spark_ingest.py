"""The stream of the example, as Spark Structured Streaming does it: the whole backlog of a topic into a Delta table.

    spark_ingest.py JARS_FOLDER HOST:PORT OUTPUT_FOLDER
Prints one JSON line: rows in the table, seconds from the start of the query to its end, seconds with the start of the session.
"""

import glob
import json
import sys
import time

from pyspark.sql import SparkSession
from pyspark.sql import functions as F
from pyspark.sql.types import IntegerType, MapType, StringType, StructField, StructType, TimestampType

begin = time.monotonic()
jars, bootstrap, output = sys.argv[1:4]
texts = ("event_id user_id session_id event_type product_id").split()
later = ("page_url user_agent ip_address device_type browser os country referrer screen_resolution").split()
schema = StructType([StructField(name, StringType()) for name in texts] + [StructField("timestamp", TimestampType())]
                    + [StructField(name, StringType()) for name in later]
                    + [StructField("time_on_page", IntegerType()), StructField("scroll_depth", IntegerType()),
                       StructField("click_coordinates", MapType(StringType(), IntegerType()))])
spark = (SparkSession.builder.master("local[2]").config("spark.jars", ",".join(glob.glob(jars + "/*.jar")))
         .config("spark.sql.extensions", "io.delta.sql.DeltaSparkSessionExtension")
         .config("spark.sql.catalog.spark_catalog", "org.apache.spark.sql.delta.catalog.DeltaCatalog")
         .config("spark.driver.bindAddress", "127.0.0.1").config("spark.driver.host", "127.0.0.1").config("spark.ui.enabled", "false")
         .config("spark.sql.shuffle.partitions", "2").config("spark.sql.session.timeZone", "UTC")
         .config("spark.databricks.delta.snapshotPartitions", "2").getOrCreate())
spark.sparkContext.setLogLevel("ERROR")
started = time.monotonic()
events = (spark.readStream.format("kafka").option("kafka.bootstrap.servers", bootstrap).option("subscribe", "clickstream-events")
          .option("startingOffsets", "earliest").load()
          .select(F.from_json(F.col("value").cast("string"), schema).alias("e")).select("e.*")
          .where("event_id IS NOT NULL AND timestamp IS NOT NULL")
          .withColumn("processing_timestamp", F.current_timestamp()).withColumn("date", F.to_date("timestamp")))
(events.writeStream.format("delta").partitionBy("date").option("checkpointLocation", output + "-checkpoint")
 .trigger(availableNow=True).start(output).awaitTermination())
done = time.monotonic()
print(json.dumps({"rows": spark.read.format("delta").load(output).count(), "query_seconds": round(done - started, 2),
                  "total_seconds": round(done - begin, 2)}))
spark.stop()
