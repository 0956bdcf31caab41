"""Run by Spark's own Python: prints how many rows of a Delta table Spark sees and what they sum to, as one JSON line.

    spark_reads.py JARS_FOLDER TABLE_FOLDER [VERSION]
"""

import glob
import json
import sys

from pyspark.sql import SparkSession

jars, table, version = sys.argv[1], sys.argv[2], sys.argv[3] if len(sys.argv) > 3 else None
spark = (SparkSession.builder.master("local[2]").config("spark.jars", ",".join(glob.glob(jars + "/*.jar")))
         .config("spark.sql.extensions", "io.delta.sql.DeltaSparkSessionExtension")
         .config("spark.sql.catalog.spark_catalog", "org.apache.spark.sql.delta.catalog.DeltaCatalog")
         .config("spark.driver.bindAddress", "127.0.0.1").config("spark.driver.host", "127.0.0.1").config("spark.ui.enabled", "false")
         .config("spark.sql.session.timeZone", "UTC").config("spark.sql.shuffle.partitions", "2").getOrCreate())
spark.sparkContext.setLogLevel("ERROR")
reader = spark.read.format("delta")
if version is not None:
    reader = reader.option("versionAsOf", version)
reader.load(table).createOrReplaceTempView("t")
row = spark.sql("""SELECT count(*) AS row_count, count(DISTINCT event_id) AS ids, sum(time_on_page) AS time_on_page,
    sum(unix_micros(timestamp) % 1000000007) AS timestamps, sum(click_coordinates['x']) AS x, count(product_id) AS products,
    min(date) AS first_date, max(date) AS last_date FROM t""").first()
print(json.dumps({name: str(value) for name, value in row.asDict().items()}))
spark.stop()
