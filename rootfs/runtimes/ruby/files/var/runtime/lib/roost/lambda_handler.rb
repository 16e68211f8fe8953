# frozen_string_literal: true

module Roost
  # The method that `_HANDLER` names: `file.method` or `file.Module::Class.method`.
  class LambdaHandler
    # Where methods that are defined outside any class are called: they are private methods of every object.
    TOP_LEVEL = TOPLEVEL_BINDING.receiver

    def initialize(text)
      parts = text.split('.')
      @file, @owner, @method = parts.size == 2 ? [parts[0], nil, parts[1]] : parts
      return if [2, 3].include?(parts.size)

      raise ArgumentError, "Invalid handler #{parts}, must be of form FILENAME.METHOD or FILENAME.CLASS.METHOD where FILENAME corresponds with " \
                           'an existing Ruby source file FILENAME.rb, CLASS is an optional module/class namespace and METHOD is a callable ' \
                           'method. If using CLASS, METHOD must be a class-level method.'
    end

    def load
      root = ENV.fetch('LAMBDA_TASK_ROOT', Dir.pwd)
      $LOAD_PATH.unshift(root) unless $LOAD_PATH.first == root
      require @file
    end

    def call(event, context)
      receiver = @owner ? Object.const_get(@owner) : TOP_LEVEL
      receiver.__send__(@method, event: event, context: context)
    end
  end
end
