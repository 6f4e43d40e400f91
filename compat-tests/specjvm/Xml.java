import java.io.StringReader;
import java.io.StringWriter;
import javax.xml.XMLConstants;
import javax.xml.transform.Templates;
import javax.xml.transform.TransformerFactory;
import javax.xml.transform.stream.StreamResult;
import javax.xml.transform.stream.StreamSource;
import javax.xml.validation.Schema;
import javax.xml.validation.SchemaFactory;
import org.xml.sax.SAXException;

/** The JDK's XML: style sheets and schemas over an order book. */
class Xml {
    private static final int ORDERS = 200;

    static String orders(String price) {
        StringBuilder text = new StringBuilder("<orders>");
        for (int i = 0; i < ORDERS; i++) {
            text.append("<order id=\"o").append(i).append("\"><customer>c").append(i % 10).append("</customer>");
            for (int k = 0; k <= i % 3; k++) {
                text.append("<item quantity=\"").append(k + 1).append("\" price=\"").append(price).append("\">thing ").append(k).append("</item>");
            }
            text.append("</order>");
        }
        return text.append("</orders>").toString();
    }

    /** A style sheet that sorts, sums and chooses. */
    static class Transform implements Runner.Workload {
        private static final String SHEET = """
                <xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform">
                <xsl:output method="text"/>
                <xsl:key name="of" match="order" use="customer"/>
                <xsl:template match="/orders">
                  <xsl:for-each select="order[generate-id() = generate-id(key('of', customer)[1])]">
                    <xsl:sort select="customer" order="descending"/>
                    <xsl:value-of select="customer"/>:<xsl:value-of select="count(key('of', customer))"/>
                    <xsl:choose><xsl:when test="count(key('of', customer)/item) &gt; 39">+</xsl:when><xsl:otherwise>-</xsl:otherwise></xsl:choose>
                    <xsl:text>;</xsl:text>
                  </xsl:for-each>
                  <xsl:value-of select="sum(order/item/@quantity)"/>
                </xsl:template>
                </xsl:stylesheet>""";
        private final String document = orders("2.50");
        private final Templates templates;

        Transform() throws Exception {
            templates = TransformerFactory.newInstance().newTemplates(new StreamSource(new StringReader(SHEET)));
        }

        @Override
        public void operation() throws Exception {
            StringWriter writer = new StringWriter();
            templates.newTransformer().transform(new StreamSource(new StringReader(document)), new StreamResult(writer));
            String text = writer.toString().replaceAll("\\s", "");
            int sum = 0;
            StringBuilder expected = new StringBuilder();
            for (int customer = 9; customer >= 0; customer--) {
                int items = 0;
                for (int i = customer; i < ORDERS; i += 10) items += i % 3 + 1;
                expected.append("c").append(customer).append(":").append(ORDERS / 10).append(items > 39 ? "+;" : "-;");
            }
            for (int i = 0; i < ORDERS; i++) for (int k = 0; k <= i % 3; k++) sum += k + 1;
            Runner.check(text.equals(expected.toString() + sum), text);
        }
    }

    /** A schema, a document that follows it and one that does not. */
    static class Validation implements Runner.Workload {
        private static final String SCHEMA = """
                <xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema">
                <xs:simpleType name="price"><xs:restriction base="xs:decimal">
                  <xs:minInclusive value="0"/><xs:fractionDigits value="2"/></xs:restriction></xs:simpleType>
                <xs:element name="orders"><xs:complexType><xs:sequence>
                  <xs:element name="order" maxOccurs="unbounded"><xs:complexType><xs:sequence>
                    <xs:element name="customer" type="xs:NCName"/>
                    <xs:element name="item" maxOccurs="3"><xs:complexType><xs:simpleContent>
                      <xs:extension base="xs:string">
                        <xs:attribute name="quantity" type="xs:positiveInteger" use="required"/>
                        <xs:attribute name="price" type="price" use="required"/>
                      </xs:extension></xs:simpleContent></xs:complexType></xs:element>
                  </xs:sequence><xs:attribute name="id" type="xs:ID" use="required"/></xs:complexType></xs:element>
                </xs:sequence></xs:complexType></xs:element>
                </xs:schema>""";
        private final String right = orders("2.50");
        private final String wrong = right.substring(0, right.length() - 20).replace("price=\"2.50\"", "price=\"2.505\"");
        private final Schema schema;

        Validation() throws Exception {
            SchemaFactory factory = SchemaFactory.newInstance(XMLConstants.W3C_XML_SCHEMA_NS_URI);
            schema = factory.newSchema(new StreamSource(new StringReader(SCHEMA)));
        }

        @Override
        public void operation() throws Exception {
            schema.newValidator().validate(new StreamSource(new StringReader(right)));
            boolean refused = false;
            try {
                schema.newValidator().validate(new StreamSource(new StringReader(wrong)));
            } catch (SAXException expected) {
                refused = expected.getMessage().contains("2.505");
            }
            Runner.check(refused, "a price of three digits passed");
        }
    }
}
