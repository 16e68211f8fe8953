import com.amazonaws.services.lambda.runtime.Context;
import com.amazonaws.services.lambda.runtime.RequestHandler;
import java.util.List;

/** The length of a route over the ground, and which of its legs is the longest. */
public class Route implements RequestHandler<Route.Trip, Route.Length> {
  public record Place(String name, double latitude, double longitude) {}

  public record Trip(List<Place> places) {}

  public record Length(long kilometres, String longest) {}

  private static final double EARTH_RADIUS = 6_371; // km

  @Override
  public Length handleRequest(Trip trip, Context context) {
    if (trip.places() == null || trip.places().size() < 2) throw new IllegalArgumentException("a route has two places or more");
    var total = 0.0;
    var longest = 0.0;
    String name = null;
    for (var index = 1; index < trip.places().size(); index++) {
      var from = trip.places().get(index - 1);
      var to = trip.places().get(index);
      var length = distance(from, to);
      total += length;
      if (length > longest) {
        longest = length;
        name = from.name() + " – " + to.name();
      }
    }
    context.getLogger().log(trip.places().size() - 1 + " legs for " + context.getAwsRequestId());
    return new Length(Math.round(total), name);
  }

  /** The haversine formula. */
  private static double distance(Place from, Place to) {
    var latitude = Math.toRadians(to.latitude() - from.latitude());
    var longitude = Math.toRadians(to.longitude() - from.longitude());
    var chord = Math.pow(Math.sin(latitude / 2), 2)
        + Math.cos(Math.toRadians(from.latitude())) * Math.cos(Math.toRadians(to.latitude())) * Math.pow(Math.sin(longitude / 2), 2);
    return 2 * EARTH_RADIUS * Math.asin(Math.sqrt(chord));
  }
}
