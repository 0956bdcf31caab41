// Produces 5000 records with franz-go's defaults, reads them back in a group, commits, and finds nothing more after a restart of the group.
package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

const count = 5000

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func member(address string) *kgo.Client {
	client, err := kgo.NewClient(kgo.SeedBrokers(address), kgo.ConsumerGroup("franz"), kgo.ConsumeTopics("franz"),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.DisableAutoCommit())
	check(err)
	return client
}

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	producer, err := kgo.NewClient(kgo.SeedBrokers(os.Args[1]), kgo.AllowAutoTopicCreation(), kgo.DefaultProduceTopic("franz"))
	check(err)
	for i := 0; i < count; i++ {
		producer.Produce(ctx, kgo.StringRecord(fmt.Sprint(i)), func(_ *kgo.Record, err error) { check(err) })
	}
	check(producer.Flush(ctx))
	producer.Close()

	consumer := member(os.Args[1])
	seen := map[string]bool{}
	for len(seen) < count {
		fetches := consumer.PollFetches(ctx)
		for _, failed := range fetches.Errors() {
			check(failed.Err)
		}
		fetches.EachRecord(func(r *kgo.Record) {
			if seen[string(r.Value)] {
				check(fmt.Errorf("record %s came twice", r.Value))
			}
			seen[string(r.Value)] = true
		})
	}
	check(consumer.CommitUncommittedOffsets(ctx))
	consumer.Close()

	again := member(os.Args[1])
	short, stop := context.WithTimeout(ctx, 3*time.Second)
	defer stop()
	if left := again.PollFetches(short).NumRecords(); left != 0 {
		check(fmt.Errorf("%d records came again after the commit", left))
	}
	again.Close()
}
