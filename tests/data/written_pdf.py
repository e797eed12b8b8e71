"""Small PDF files, written by hand."""

import base64
import zlib
from collections.abc import Sequence

# One page that says "Secret.", and needs the password "user".
ENCRYPTED = zlib.decompress(
  base64.b64decode("""
eNqNUj1v1EAQLeiWLgW0W3B0sN8fVk5X5OMEIijRBWgQxdqeDUaHHdmbKIGOgiINNEh0SNRUJxp+Qi
okKJAoKKDIDwB61neXxNKlwOti982bN29G09taG95gNwXq/fz1+StimOIqfYL6fUTuHe4CJqsuuHG1
g8iW24EG80gYocEAQZm3RL6QMOUhcqfIG/wQi5aPHyGyWu2VAbNOqrgwtS1UQ6TOKpG7kBdupTqIWj
QezTg2CZ8pliESGyxnzBE01V6dRZOt4jBGZxeG1anp2T+vLzv1N6DcCY+xNG28CTW4p+h460hVP768
ebHx/c/Jx5NLSx9e/j5Or09eTa6+/lu+nRz5/Xfv8bXn35Y/Xbm8vNTKzjPnBdRCg60pRLb30jB9ti
BDZMU1MLVLbsF4H0KRuY5N3VUpwhhwv9uF6YQfYB7HgMVZP4zbOE8seSITbXgSw8NiHKDGZDu4Mnd1
jsgm7tPUCSuUt9YnVFgLRoKSykrGVQZM8hRoDlxmOqW5MEZqoEalNmFGaW3YAJH7uK9snhieZVJ50S
Z4YbNcAGOpjxoJ5zb1URckGGWdZFpSGt/ae+8oo7bb1kENHlFsET37sFZKKOzxGcbihKeR8hzTcgFj
XCxgXLEFTEi7gEl2ASaTcyzUrhhDPZ3/dvEMomUyqqq46rOtvF36Cuv5fS1ucT/z3iZG8Jwy4Nynjk
nQhkqnuYL4HPwPJe7/epnVh7sBm9PtboKrw3RwWkvU661vDtE/9BoMIw==
""")
)


def write(pages: Sequence[Sequence[str]], title: str = "") -> bytes:
  """Returns a PDF file with the given lines on its pages."""
  numbers = [4 + 2 * i for i in range(len(pages))]
  kids = " ".join(f"{number} 0 R" for number in numbers)
  objects = [
    "<< /Type /Catalog /Pages 2 0 R >>",
    f"<< /Type /Pages /Kids [{kids}] /Count {len(pages)} >>",
    "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
  ]
  for number, lines in zip(numbers, pages, strict=True):
    shown = "".join(f"({line}) Tj T* " for line in lines)
    stream = f"BT /F1 12 Tf 14 TL 72 720 Td {shown}ET"
    objects += [
      "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents "
      f"{number + 1} 0 R /Resources << /Font << /F1 3 0 R >> >> >>",
      f"<< /Length {len(stream)} >>\nstream\n{stream}\nendstream",
    ]
  objects.append(f"<< /Title ({title}) >>")
  content, offsets = "%PDF-1.4\n", []
  for number, body in enumerate(objects, start=1):
    offsets.append(len(content))
    content += f"{number} 0 obj\n{body}\nendobj\n"
  table = "".join(f"{offset:010d} 00000 n \n" for offset in offsets)
  size = len(objects) + 1
  trailer = f"<< /Size {size} /Root 1 0 R /Info {len(objects)} 0 R >>"
  content += (
    f"xref\n0 {size}\n0000000000 65535 f \n{table}trailer\n{trailer}\n"
    f"startxref\n{len(content)}\n%%EOF\n"
  )
  return content.encode("latin-1")
