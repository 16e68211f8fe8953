package roost.runtime;

import com.amazonaws.services.lambda.runtime.Context;
import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.json.JsonReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JavaType;
import com.fasterxml.jackson.databind.MapperFeature;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.lang.reflect.Type;
import java.nio.charset.StandardCharsets;

/** Between JSON and objects, as lenient in reading as AWS's client: unknown members are passed over, nulls are not written. */
final class Json {
  static final byte[] NULL = "null".getBytes(StandardCharsets.UTF_8);

  static final JsonMapper MAPPER = JsonMapper.builder()
      .serializationInclusion(JsonInclude.Include.NON_NULL)
      .enable(MapperFeature.USE_STD_BEAN_NAMING)
      .disable(MapperFeature.USE_GETTERS_AS_SETTERS, MapperFeature.INFER_PROPERTY_MUTATORS)
      .enable(JsonReadFeature.ALLOW_NON_NUMERIC_NUMBERS, JsonReadFeature.ALLOW_LEADING_ZEROS_FOR_NUMBERS, JsonReadFeature.ALLOW_SINGLE_QUOTES,
          JsonReadFeature.ALLOW_BACKSLASH_ESCAPING_ANY_CHARACTER, JsonReadFeature.ALLOW_UNESCAPED_CONTROL_CHARS, JsonReadFeature.ALLOW_UNQUOTED_FIELD_NAMES)
      .enable(DeserializationFeature.ACCEPT_EMPTY_ARRAY_AS_NULL_OBJECT, DeserializationFeature.ACCEPT_EMPTY_STRING_AS_NULL_OBJECT,
          DeserializationFeature.ACCEPT_SINGLE_VALUE_AS_ARRAY, DeserializationFeature.UNWRAP_SINGLE_VALUE_ARRAYS,
          DeserializationFeature.READ_UNKNOWN_ENUM_VALUES_AS_NULL)
      .disable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES)
      .disable(SerializationFeature.FAIL_ON_EMPTY_BEANS, SerializationFeature.FLUSH_AFTER_WRITE_VALUE)
      .disable(JsonGenerator.Feature.AUTO_CLOSE_TARGET, JsonGenerator.Feature.AUTO_CLOSE_JSON_CONTENT)
      .disable(JsonParser.Feature.AUTO_CLOSE_SOURCE)
      .build();

  private Json() {}

  /** A function of an event and a context. */
  @FunctionalInterface
  interface Body {
    Object apply(Object event, Context context) throws Throwable;
  }

  /** Types as reflection knows them, with what fills their parameters. */
  static JavaType type(Type type) {
    return MAPPER.constructType(type);
  }

  /** What stands in a class for the type parameters of an interface that it implements, through however many others. */
  static JavaType[] parametersOf(Class<?> type, Class<?> implemented) {
    var parameters = MAPPER.constructType(type).findTypeParameters(implemented);
    if (parameters.length == implemented.getTypeParameters().length) return parameters;
    throw new FunctionFault("Class " + type.getName() + " does not implement " + implemented.getSimpleName() + " with concrete type parameters");
  }

  /** A handler around `body`. The event is not read where its type is null; the result is null where its type is void. */
  static Handler handler(JavaType eventType, JavaType resultType, Body body) {
    var reader = eventType == null ? null : MAPPER.readerFor(eventType);
    var isVoid = resultType.hasRawClass(void.class) || resultType.hasRawClass(Void.class);
    var writer = MAPPER.writerFor(resultType);
    return (input, output, context) -> {
      Object event;
      try {
        event = reader == null ? null : reader.readValue(input);
      } catch (Exception error) {
        throw new RuntimeException("An error occurred during JSON parsing", error);
      }
      var result = body.apply(event, context);
      try {
        if (isVoid || result == null) output.write(NULL);
        else writer.writeValue(output, result);
      } catch (Exception error) {
        throw new RuntimeException("An error occurred during JSON serialization of response", error);
      }
    };
  }
}
