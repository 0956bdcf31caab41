#!/usr/bin/env bash
# Fetches the systems that `make interop` and `make bench` compare with, into .deps/peers. CI needs none of them.
#   scripts/peers.sh kafka|spark|flink …      versions stand below, in one place, so that "tested with" can be printed
set -euo pipefail
cd "$(dirname "$0")/.."
peers=$PWD/.deps/peers
mkdir -p "$peers"

KAFKA=4.3.1
LOG4J=2.25.4
SPARK=4.2.0
DELTA_SPARK=4.4.0
TOKEN_PROVIDER=4.0.0
FLINK=2.1.3
FLINK_KAFKA=4.0.1-2.0
ICEBERG=1.11.0
HADOOP=3.4.1

say() { printf 'peers: %s\n' "$*"; }
need() { command -v "$1" > /dev/null || { say "$1 is needed for this peer ($2)"; exit 1; }; }

# jars FOLDER coordinate …: the coordinates with what they depend on.
jars() {
  local folder=$1 pom coordinate group artifact version
  shift
  need mvn 'Debian package maven'
  mkdir -p "$folder" "$peers/empty-repository"
  pom=$(mktemp -d)
  {
    echo '<project><modelVersion>4.0.0</modelVersion><groupId>tarn</groupId><artifactId>peers</artifactId><version>1</version><packaging>pom</packaging>'
    # Spark's POMs declare a second repository; one of that name that is empty keeps Maven to the first.
    echo "<repositories><repository><id>gcs-maven-central-mirror</id><url>file://$peers/empty-repository</url></repository></repositories><dependencies>"
    for coordinate in "$@"; do
      IFS=: read -r group artifact version <<< "$coordinate"
      echo "<dependency><groupId>$group</groupId><artifactId>$artifact</artifactId><version>$version</version></dependency>"
    done
    echo '</dependencies></project>'
  } > "$pom/pom.xml"
  (cd "$pom" && mvn -q -B dependency:copy-dependencies -DincludeScope=runtime -DoutputDirectory="$folder")
  rm -rf "$pom"
}

# jar FOLDER coordinate: that file alone.
jar() {
  need mvn 'Debian package maven'
  mkdir -p "$1"
  mvn -q -B dependency:copy -Dartifact="$2" -DoutputDirectory="$1"
}

kafka() {
  say "Apache Kafka $KAFKA"
  jars "$peers/kafka" "org.apache.kafka:kafka_2.13:$KAFKA" "org.apache.kafka:kafka-tools:$KAFKA" \
    "org.apache.logging.log4j:log4j-slf4j-impl:$LOG4J"
}

spark() {
  say "Spark $SPARK with Delta $DELTA_SPARK"
  python3 -m venv "$peers/spark-venv"
  "$peers/spark-venv/bin/pip" install --quiet --disable-pip-version-check "pyspark==$SPARK"
  jars "$peers/spark-all" "io.delta:delta-spark_4.2_2.13:$DELTA_SPARK" "org.apache.spark:spark-sql-kafka-0-10_2.13:$SPARK" \
    "org.apache.spark:spark-token-provider-kafka-0-10_2.13:$TOKEN_PROVIDER"
  # Only what pyspark lacks.
  mkdir -p "$peers/spark"
  cp "$peers"/spark-all/{delta-,unitycatalog-,spark-sql-kafka,spark-token-provider,kafka-clients,commons-pool2}*.jar "$peers/spark/" 2> /dev/null || true
}

flink() {
  say "Flink $FLINK with Iceberg $ICEBERG"
  local work
  work=$(mktemp -d)
  python3 -m pip download --quiet --disable-pip-version-check --no-deps -d "$work" "apache-flink-libraries==$FLINK"
  python3 -m pip download --quiet --disable-pip-version-check --no-deps --only-binary :all: -d "$work" "apache-flink==$FLINK"
  mkdir -p "$peers/flink"
  tar xzf "$work"/apache_flink_libraries-*.tar.gz -C "$peers/flink" --strip-components=1
  python3 -m zipfile -e "$work"/apache_flink-*.whl "$work/wheel"
  cp "$work"/wheel/pyflink/bin/* "$peers/flink/deps/bin/"
  chmod +x "$peers"/flink/deps/bin/*.sh
  rm -rf "$work"
  jar "$peers/flink/deps/lib" "org.apache.flink:flink-sql-connector-kafka:$FLINK_KAFKA"
  jar "$peers/flink/deps/lib" "org.apache.iceberg:iceberg-flink-runtime-2.1:$ICEBERG"
  jar "$peers/flink/deps/lib" "org.apache.hadoop:hadoop-client-api:$HADOOP"
  jar "$peers/flink/deps/lib" "org.apache.hadoop:hadoop-client-runtime:$HADOOP"
  jar "$peers/flink/deps/opt" "org.apache.flink:flink-sql-gateway:$FLINK"
}

for peer in "$@"; do
  case $peer in kafka | spark | flink) ;; *) say "unknown peer '$peer': kafka, spark, flink"; exit 2 ;; esac
  [ -f "$peers/$peer.done" ] && continue
  "$peer"
  date -u +%F > "$peers/$peer.done"
done
