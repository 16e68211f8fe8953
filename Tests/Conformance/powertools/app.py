"""A function as Powertools' pages show it: logger, metrics, and a tracer that is switched off."""

from aws_lambda_powertools import Logger, Metrics, Tracer
from aws_lambda_powertools.metrics import MetricUnit

logger = Logger(service="orders")
metrics = Metrics(namespace="Shop", service="orders")
tracer = Tracer(service="orders")


@tracer.capture_method
def total(order):
    return sum(line["price"] * line["count"] for line in order["lines"])


@logger.inject_lambda_context(correlation_id_path="headers.correlation", log_event=True)
@tracer.capture_lambda_handler
@metrics.log_metrics(capture_cold_start_metric=True)
def handler(event, context):
    logger.append_keys(order=event["order"])
    metrics.add_dimension(name="region", value="north")
    metrics.add_metric(name="OrderPlaced", unit=MetricUnit.Count, value=1)
    metrics.add_metric(name="Total", unit=MetricUnit.NoUnit, value=total(event))
    metrics.add_metadata(key="order", value=event["order"])
    logger.info("placed", note="two\nlines, ä")
    try:
        raise ValueError("not\nfatal")
    except ValueError:
        logger.exception("went wrong")
    logger.info({"long": "x" * event.get("long", 0)})
    return {"total": total(event), "traced": tracer.disabled}
