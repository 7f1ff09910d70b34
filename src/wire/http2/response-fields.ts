// The field section of an HTTP/2 response (RFC 9113 8.3.2).
import { FieldCollector } from './field-collector.ts';
import { KIND } from './field-kinds.ts';

export class ResponseFields extends FieldCollector {
  /** 100 to 599; 0 before it is known. */
  status = 0;

  /** Checks the section as a whole. Afterwards `malformed` is final. */
  finish(): void {
    this.endFields();
    if (this.status === 0) this.breach(':status is missing');
    // RFC 9113 8.6: there is no switching of protocols.
    if (this.status === 101) this.breach('101 is not for HTTP/2');
  }

  protected override takePseudo(kind: number, value: string): void {
    if (kind !== KIND.STATUS) this.breach('a pseudo-field that responses do not have');
    else if (this.status !== 0) this.breach('more than one :status');
    else if (/^[1-5][0-9][0-9]$/.test(value)) this.status = Number(value);
    else this.breach(':status is not 100 to 599');
  }
}
