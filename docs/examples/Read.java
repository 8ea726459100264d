import com.aliyun.dts.subscribe.clients.formats.avro.Operation;
import com.aliyun.dts.subscribe.clients.formats.avro.Record;
import com.aliyun.dts.subscribe.clients.record.DefaultUserRecord;
import com.aliyun.dts.subscribe.clients.record.RecordSchema;
import com.aliyun.dts.subscribe.clients.record.RowImage;
import com.aliyun.dts.subscribe.clients.recordgenerator.AvroDeserializer;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;

/**
 * Prints the rows of a topic in DTS Avro with the classes of com.aliyun.dts:dts-new-subscribe-sdk:2.0.0.
 *
 * <pre>java --add-exports java.base/sun.util.calendar=ALL-UNNAMED -cp 'lib/*' Read.java BROKERS TOPIC</pre>
 */
public class Read {
    public static void main(String[] args) {
        Map<String, Object> config = Map.of("bootstrap.servers", args[0], "group.id", "read", "auto.offset.reset", "earliest");
        AvroDeserializer decoder = new AvroDeserializer();
        try (KafkaConsumer<byte[], byte[]> consumer = new KafkaConsumer<>(config, new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
            consumer.subscribe(List.of(args[1]));
            while (true) {
                for (ConsumerRecord<byte[], byte[]> message : consumer.poll(Duration.ofSeconds(1))) {
                    Record record = decoder.deserialize(message.value());
                    if (record.getOperation() == Operation.DDL) {
                        System.out.println("DDL " + record.getObjectName() + " " + record.getAfterImages());
                    } else if (record.getOperation() != Operation.HEARTBEAT) {
                        DefaultUserRecord row = new DefaultUserRecord(new TopicPartition(message.topic(), message.partition()), message.offset(), record, null);
                        System.out.println(record.getOperation() + " " + record.getObjectName() + " " + image(row.getSchema(), row.getBeforeImage())
                                + " -> " + image(row.getSchema(), row.getAfterImage()));
                    }
                }
            }
        }
    }

    private static Map<String, Object> image(RecordSchema schema, RowImage row) {
        if (row == null) {
            return null;
        }
        Map<String, Object> image = new LinkedHashMap<>();
        for (int i = 0; i < schema.getFieldCount(); i++) {
            image.put(schema.getField(i).getFieldName(), row.getValue(i)); // null is NULL
        }
        return image;
    }
}
