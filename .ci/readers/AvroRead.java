import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import java.io.BufferedReader;
import java.io.File;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.ByteBuffer;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericDatumReader;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.io.BinaryDecoder;
import org.apache.avro.io.DecoderFactory;

/** Reads DTS records, one as hex a line, with Avro's own generic reader; prints the parts of each as a line of JSON. Its argument is the single-record schema. */
public class AvroRead {
    private static final Gson JSON = new GsonBuilder().serializeNulls().disableHtmlEscaping().create();

    public static void main(String[] args) throws Exception {
        PrintStream out = new PrintStream(System.out, false, "UTF-8");
        GenericDatumReader<GenericRecord> reader = new GenericDatumReader<>(new Schema.Parser().parse(new File(args[0])));
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, "UTF-8"));
        GenericRecord record = null;
        for (String line; (line = in.readLine()) != null; ) {
            Object result;
            try {
                BinaryDecoder bytes = DecoderFactory.get().binaryDecoder(HexFormat.of().parseHex(line), null);
                record = reader.read(record, bytes);
                if (!bytes.isEnd()) {
                    throw new IllegalStateException("bytes left over behind the record");
                }
                result = read(record);
            } catch (Exception e) {
                result = Map.of("error", e.toString());
            }
            out.println(JSON.toJson(result));
        }
        out.flush();
    }

    private static Map<String, Object> read(GenericRecord record) {
        Map<String, Object> r = new LinkedHashMap<>();
        r.put("operation", record.get("operation").toString());
        Object fields = record.get("fields");
        r.put("before", image(fields, record.get("beforeImages")));
        r.put("after", image(fields, record.get("afterImages")));
        return r;
    }

    private static Map<String, Object> image(Object fields, Object values) {
        if (values == null) {
            return null;
        }
        Map<String, Object> image = new LinkedHashMap<>();
        if (!(values instanceof List)) { // the statement of a DDL
            image.put("ddl", Map.of());
            return image;
        }
        List<?> names = (List<?>) fields, all = (List<?>) values;
        if (names.size() != all.size()) {
            throw new IllegalStateException(all.size() + " values for " + names.size() + " fields");
        }
        for (int i = 0; i < all.size(); i++) {
            image.put(((GenericRecord) names.get(i)).get("name").toString(), value(all.get(i)));
        }
        return image;
    }

    private static Object value(Object v) {
        if (!(v instanceof GenericRecord)) {
            return v == null ? null : Map.of();
        }
        Map<String, Object> value = new LinkedHashMap<>();
        value.put("branch", ((GenericRecord) v).getSchema().getName());
        value.put("parts", parts(v));
        return value;
    }

    private static Object parts(Object v) {
        if (v instanceof GenericRecord) {
            Map<String, Object> parts = new LinkedHashMap<>();
            for (Schema.Field f : ((GenericRecord) v).getSchema().getFields()) {
                parts.put(f.name(), parts(((GenericRecord) v).get(f.pos())));
            }
            return parts;
        }
        if (v instanceof ByteBuffer) {
            ByteBuffer bytes = ((ByteBuffer) v).duplicate();
            byte[] copy = new byte[bytes.remaining()];
            bytes.get(copy);
            return HexFormat.of().formatHex(copy);
        }
        return v instanceof CharSequence ? v.toString() : v;
    }
}
