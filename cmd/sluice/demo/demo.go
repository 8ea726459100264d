package demo

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/go-mysql-org/go-mysql/client"

	"sluice/cmd/sluice/demo/broker"
	"sluice/cmd/sluice/demo/mariadb"
	"sluice/cmd/sluice/demo/shop"
	"sluice/engine/task"
)

// Ports that are taken where they are free.
const (
	usualSource = 13306
	usualBroker = 19092
)

// Options say how the demo runs.
type Options struct {
	Cache    string // the folder for what is fetched
	Source   string // USER:PASSWORD@HOST:PORT of a server to use; empty starts one
	Rate     int    // transactions a second
	Say      func(format string, args ...any)
	Progress func(line string) // replaces the one before

	find func(context.Context) (*mariadb.Program, error) // nil looks on this machine and fetches
}

// Demo is what runs beside the console.
type Demo struct {
	Source task.Source // with the account of four privileges
	Broker string
	Label  string // of all that is not real

	folder *Folder
	place  *place
	source *source
	broker *broker.Broker
	writer *shop.Writer
	stop   context.CancelFunc
	wg     sync.WaitGroup
}

// Start brings everything up; the writer begins at once.
func Start(ctx context.Context, f *Folder, o Options) (*Demo, error) {
	d := &Demo{folder: f}
	if err := d.start(ctx, o); err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return d, nil
}

func (d *Demo) start(ctx context.Context, o Options) (err error) {
	f := d.folder
	if o.Source != "" {
		d.source, err = given(o.Source)
	} else {
		d.source, err = own(ctx, f, o)
	}
	if err != nil {
		return err
	}
	if err := d.source.furnish(f, o); err != nil {
		return err
	}
	port, err := port("demo broker", &f.state.BrokerPort, usualBroker, o.Say)
	if err != nil {
		return err
	}
	if d.broker, err = broker.Start(ctx, f.path("kafka"), port); err != nil {
		return err
	}
	if d.place, err = f.place(d.source.address); err != nil {
		return err
	}
	d.Broker = d.broker.Addr
	d.Source = task.Source{Host: d.source.host, Port: d.source.port, User: d.source.account, Password: task.Secret(d.place.Password)}
	d.Label = fmt.Sprintf("%s → %s", d.source.label, d.Broker)
	d.write(o)
	return f.save() // the ports
}

// write begins to write to the shop.
func (d *Demo) write(o Options) {
	ctx, cancel := context.WithCancel(context.Background())
	d.stop = cancel
	d.writer = shop.NewWriter(o.Rate, func() (*client.Conn, error) { return d.source.connect(shop.Database) },
		func(err error) { o.Say("The writer tries again: %v", err) })
	d.wg.Go(func() { d.writer.Run(ctx) })
}

// SetRate changes how many transactions a second are written; 0 stops the writer.
func (d *Demo) SetRate(rate int) { d.writer.SetRate(rate) }

// Died is closed when the MariaDB of the demo has ended; nil for a server of the user's.
func (d *Demo) Died() <-chan struct{} {
	if d.source.server == nil {
		return nil
	}
	return d.source.server.Done()
}

// Why tells what the MariaDB said before it ended.
func (d *Demo) Why() error {
	return fmt.Errorf("MariaDB has ended by itself:\n%s", d.source.server.LogTail())
}

// Spec is a task from the shop to the demo broker.
func (d *Demo) Spec() task.Spec {
	s := task.Spec{Name: "shop to Kafka", Source: d.Source, Target: task.Target{Brokers: []string{d.Broker}, Topic: broker.Topics[0].Name},
		Schema: true, Full: true, Incremental: true, Policy: task.PolicyTable}
	for _, name := range shop.Tables() {
		s.Tables = append(s.Tables, task.Table{Schema: shop.Database, Name: name})
	}
	return s
}

// Prepare calls make once for a shop, with the task to prepare.
func (d *Demo) Prepare(make func(task.Spec) error) error {
	if d.place.Drafted {
		return nil
	}
	if err := make(d.Spec()); err != nil {
		return err
	}
	d.place.Drafted = true
	return d.folder.save()
}

// Close ends everything that Start began, as far as it came.
func (d *Demo) Close() error {
	if d.stop != nil {
		d.stop()
		d.wg.Wait()
	}
	if d.broker != nil {
		d.broker.Close()
	}
	if d.source != nil && d.source.server != nil {
		return d.source.server.Stop()
	}
	return nil
}
