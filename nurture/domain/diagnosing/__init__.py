"""What is wrong with a business, judged from its figures: rules, the facts that they ask about, and how sure a finding is."""
