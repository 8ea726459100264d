import com.aliyun.dts.subscribe.clients.formats.avro.Record;
import com.aliyun.dts.subscribe.clients.record.DefaultUserRecord;
import com.aliyun.dts.subscribe.clients.record.RecordField;
import com.aliyun.dts.subscribe.clients.record.RecordSchema;
import com.aliyun.dts.subscribe.clients.record.RowImage;
import com.aliyun.dts.subscribe.clients.record.value.Value;
import com.aliyun.dts.subscribe.clients.recordgenerator.AvroDeserializer;
import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.apache.avro.Schema;
import org.apache.avro.generic.IndexedRecord;
import org.apache.kafka.common.TopicPartition;

/** Reads DTS records, one as hex a line, with the official SDK; prints each as a line of JSON. dts_read.py prints the same. */
public class DtsRead {
    private static final Gson JSON = new GsonBuilder().serializeNulls().disableHtmlEscaping().create();
    private static final AvroDeserializer DECODER = new AvroDeserializer();

    public static void main(String[] args) throws Exception {
        // The SDK prints to standard output on its own now and then.
        PrintStream out = new PrintStream(System.out, true, "UTF-8");
        System.setOut(System.err);
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, "UTF-8"));
        long offset = 0;
        for (String line; (line = in.readLine()) != null; offset++) {
            Object result;
            try {
                result = read(HexFormat.of().parseHex(line), offset);
            } catch (Throwable e) {
                // An Error too: the SDK's failures on a newer JVM are of that kind.
                e.printStackTrace();
                result = Map.of("error", e.toString());
            }
            out.println(JSON.toJson(result));
        }
    }

    private static Map<String, Object> read(byte[] bytes, long offset) {
        Record avro = DECODER.deserialize(bytes);
        DefaultUserRecord record = new DefaultUserRecord(new TopicPartition("t", 0), offset, avro, null);
        RecordSchema schema = record.getSchema();
        Map<String, Object> r = new LinkedHashMap<>();
        r.put("version", avro.getVersion());
        r.put("id", avro.getId());
        r.put("sourceTimestamp", record.getSourceTimestamp());
        r.put("sourcePosition", avro.getSourcePosition());
        r.put("safeSourcePosition", avro.getSafeSourcePosition());
        r.put("sourceTxid", avro.getSourceTxid());
        r.put("source", avro.getSource().getSourceType() + " " + avro.getSource().getVersion());
        r.put("operation", avro.getOperation().toString());
        r.put("objectName", avro.getObjectName());
        r.put("database", schema.getDatabaseName().orElse(null));
        r.put("table", schema.getTableName().orElse(null));
        r.put("tags", avro.getTags());
        List<Object> fields = new ArrayList<>();
        for (RecordField f : schema.getFields()) {
            Map<String, Object> field = new LinkedHashMap<>();
            field.put("name", f.getFieldName());
            field.put("type", f.getRawDataTypeNum());
            field.put("primary", f.isPrimary());
            field.put("unique", f.isUnique());
            fields.add(field);
        }
        r.put("fields", fields);
        r.put("before", image(schema, record.getBeforeImage(), avro.getBeforeImages()));
        r.put("after", image(schema, record.getAfterImage(), avro.getAfterImages()));
        return r;
    }

    private static Map<String, Object> image(RecordSchema schema, RowImage image, Object avro) {
        if (image == null) {
            return null;
        }
        Map<String, Object> values = new LinkedHashMap<>();
        for (int i = 0; i < schema.getFieldCount(); i++) {
            Value<?> value = image.getValue(i);
            Map<String, Object> v = null;
            if (value != null) {
                v = new LinkedHashMap<>();
                v.put("kind", value.getType().toString());
                v.put("text", value.toString());
                Object raw = avro instanceof List ? ((List<?>) avro).get(i) : null;
                if (raw instanceof IndexedRecord) {
                    v.put("branch", ((IndexedRecord) raw).getSchema().getName());
                    v.put("parts", parts(raw));
                } else if (raw != null) {
                    v.put("text", raw.toString()); // EmptyObject, for which the SDK prints a Java identity
                }
            }
            values.put(schema.getField(i).getFieldName(), v);
        }
        return values;
    }

    private static Object parts(Object o) {
        if (o instanceof ByteBuffer) {
            ByteBuffer b = ((ByteBuffer) o).duplicate();
            b.rewind();
            byte[] bytes = new byte[b.remaining()];
            b.get(bytes);
            return HexFormat.of().formatHex(bytes);
        }
        if (o instanceof IndexedRecord) {
            IndexedRecord record = (IndexedRecord) o;
            Map<String, Object> m = new LinkedHashMap<>();
            for (Schema.Field f : record.getSchema().getFields()) {
                m.put(f.name(), parts(record.get(f.pos())));
            }
            return m;
        }
        return o instanceof CharSequence ? o.toString() : o;
    }
}
