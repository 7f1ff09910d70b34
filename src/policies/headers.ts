// Policy: sets, adds and removes fields of requests and responses.

import { type Fields, isFieldName, isFramingField } from '#http/fields.ts';
import { ConfigurationError } from '#model/configuration-error.ts';
import type { Exchange } from '#model/exchange.ts';
import { mapResponse } from '#model/handler.ts';
import type { Response } from '#model/message.ts';
import { definePolicy } from '#model/policy.ts';
import { compileTemplate, type Template, templateProblem } from '#model/template.ts';
import { type Output, s } from '#schema/blocks.ts';

const name = () => s.checked(nameProblem, (text) => text.toLowerCase());

const value = () => s.checked((text) => templateProblem(text));

const changes = () =>
  s.object({
    set: s
      .record(value())
      .default({})
      .describe('Fields to set by name, in place of what is there. Values may hold variables.'),
    add: s
      .record(value())
      .default({})
      .describe('Fields to add by name, beside what is there. Values may hold variables.'),
    remove: s
      .array(name())
      .default([])
      .describe('Names of fields to remove, also where they are spelt with underscores.'),
  });

type Change = (fields: Fields, exchange: Exchange, response: Response | undefined) => void;

export const headers = definePolicy({
  type: 'headers',
  summary: 'Sets, adds and removes fields of requests and responses.',
  options: () =>
    s.object({
      request: changes().prefault({}).describe('What changes on the way to the endpoint.'),
      response: changes().prefault({}).describe('What changes on the way to the client.'),
    }),
  example: 'type: headers\nrequest: { set: { x-client: "${client.address}" } }\nresponse: { remove: [server] }',
  create({ request, response }) {
    const requestChanges = compileChanges(request);
    const responseChanges = compileChanges(response);
    return (next) => (exchange) => {
      for (const change of requestChanges) change(exchange.request.fields, exchange, undefined);
      if (responseChanges.length === 0) return next(exchange);
      return mapResponse(next(exchange), (result) => {
        for (const change of responseChanges) change(result.fields, exchange, result);
        return result;
      });
    };
  },
});

function compileChanges(options: Output<ReturnType<typeof changes>>): readonly Change[] {
  const removals = options.remove.map(
    (field): Change =>
      (fields) =>
        fields.remove(field),
  );
  const settings = compileValues(options.set).map(
    ([field, template]): Change =>
      (fields, e, r) =>
        fields.set(field, template(e, r)),
  );
  const additions = compileValues(options.add).map(
    ([field, template]): Change =>
      (fields, e, r) =>
        fields.append(field, template(e, r)),
  );
  return [...removals, ...settings, ...additions];
}

function compileValues(values: Readonly<Record<string, string>>): readonly (readonly [string, Template])[] {
  return Object.entries(values).map(([field, text]) => {
    const problem = nameProblem(field);
    if (problem) throw new ConfigurationError(problem);
    return [field.toLowerCase(), compileTemplate(text)] as const;
  });
}

function nameProblem(text: string): string | undefined {
  if (!isFieldName(text)) return `"${text}" is not a field name`;
  if (!isFramingField(text.toLowerCase())) return undefined;
  return `${text} frames the message and cannot be changed here; for Host there is the upstream's option host`;
}
