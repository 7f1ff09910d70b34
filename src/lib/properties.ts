// fast-check as tests use it: another run of chance each time, or the same one again where TIDEGATE_FUZZ_SEED names it, as CI does. Not
// used by the running program.
import fc from 'fast-check';

const { TIDEGATE_FUZZ_SEED: seed } = process.env;
if (seed) fc.configureGlobal({ seed: Number(seed) });

export { fc };
