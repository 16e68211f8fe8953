package com.amazonaws.services.lambda.runtime;

/** A handler of objects: JSON becomes an I, an O becomes JSON. */
public interface RequestHandler<I, O> {
  O handleRequest(I input, Context context);
}
