// The type of an option schema. Everything else that is zod stays inside this folder.
import type { z } from 'zod';

/** Validates unknown input and gives `Output`, with defaults applied and units converted. */
export type Schema<Output> = z.ZodType<Output>;
