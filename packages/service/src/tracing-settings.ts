import { Type } from '@rabble/contract/typebox'

function brokenByEndpoint(url: string): string | undefined {
  return URL.canParse(url) ? undefined : 'must be a valid URL'
}

/** Returns the rule that a list of pairs breaks, or undefined. */
function brokenByPairs(list: string): string | undefined {
  return list.split(',').every((pair) => /^\s*[^\s=]+\s*=.*\S/.test(pair) && isDecodable(pair))
    ? undefined
    : 'must be pairs such as name=value, separated by commas, with % and , in values percent-encoded'
}

function isDecodable(text: string): boolean {
  try {
    decodeURIComponent(text)
    return true
  } catch {
    return false
  }
}

/** Settings of traces: standard variables of OpenTelemetry. */
export const tracingSettings = {
  OTEL_EXPORTER_OTLP_ENDPOINT: {
    schema: Type.String({ pattern: /^https?:\/\/[^?#\s]+$/ }),
    broken: brokenByEndpoint,
    about:
      'Collector of [traces](#traces), by OTLP over HTTP, such as `http://jaeger:4318`. Spans are sent to `/v1/traces` there. Default: nothing is traced.',
  },
  OTEL_EXPORTER_OTLP_HEADERS: {
    schema: Type.String(),
    broken: brokenByPairs,
    about: 'Headers of the requests to the collector: `api-key=…`, separated by commas.',
  },
  OTEL_SERVICE_NAME: {
    schema: Type.String(),
    about:
      'Name of the service in traces. Default: `rabble-` and its name, such as `rabble-gateway`; `rabble` in one process.',
  },
  OTEL_RESOURCE_ATTRIBUTES: {
    schema: Type.String(),
    broken: brokenByPairs,
    about: 'Attributes of all spans, such as `deployment.environment.name=staging`, separated by commas.',
  },
  OTEL_TRACES_SAMPLER: {
    schema: Type.Enum([
      'always_on',
      'always_off',
      'traceidratio',
      'parentbased_always_on',
      'parentbased_always_off',
      'parentbased_traceidratio',
    ]),
    default: 'parentbased_traceidratio',
    about:
      'Which requests and messages are traced. `parentbased_…`: as the caller wants it, if there is one who says so.',
  },
  OTEL_TRACES_SAMPLER_ARG: {
    schema: Type.Number({ minimum: 0, maximum: 1 }),
    default: 0.01,
    about: 'Ratio of them, for the samplers with `traceidratio`.',
  },
} as const
