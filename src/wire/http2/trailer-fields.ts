// The field section behind the content of an HTTP/2 message (RFC 9113 8.1).
import { FieldCollector } from './field-collector.ts';

export class TrailerFields extends FieldCollector {
  finish(): void {
    this.endFields();
  }

  protected override takePseudo(): void {
    // RFC 9113 8.3: "Pseudo-header fields MUST NOT appear in a trailer section."
    this.breach('a pseudo-field in trailers');
  }
}
